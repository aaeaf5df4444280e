#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__AVX__)
#if defined(__GNUC__) && !defined(__clang__)  // gcc 12 warns of its own headers
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif

/// Vectors as wide as the registers of the processor compiled for, by the vector extensions of GCC and Clang:
/// the arithmetic operators and comparisons work lane by lane, `mask ? a : b` chooses by lane. Sources that
/// use them are compiled with contraction (see cmake/compiler.cmake), so a * b + c is one rounding where
/// there is an FMA.
namespace manul::cpu {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64, vector_registers = 32;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32, vector_registers = 16;
#elif defined(__aarch64__)
inline constexpr int vector_bytes = 16, vector_registers = 32;
#else
inline constexpr int vector_bytes = 16, vector_registers = 16;
#endif

namespace detail {
template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using type [[gnu::vector_size(vector_bytes)]] = float;
};
template <>
struct VectorOf<double> {
  using type [[gnu::vector_size(vector_bytes)]] = double;
};
}  // namespace detail

template <class T>
using Vector = typename detail::VectorOf<T>::type;

/// Elements of one vector.
template <class T>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

/// lanes<T> elements from any address.
template <class T>
[[gnu::always_inline]] inline Vector<T> load(const T* from) {
  Vector<T> value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
[[gnu::always_inline]] inline void store(T* to, Vector<T> value) {
  std::memcpy(to, &value, sizeof value);
}

#if defined(__AVX512F__)
/// The first `count` lanes.
[[gnu::always_inline]] inline unsigned first_lanes(int64_t count) {
  return (1u << count) - 1;
}
#elif defined(__AVX__)
/// The first `bytes` bytes.
[[gnu::always_inline]] inline __m256i first_bytes(int64_t bytes) {
  static constexpr int32_t ends[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ends + 8 - bytes / 4));
}
#endif

/// The first `count` (at most lanes<T>) elements; the other lanes are zero.
template <class T>
[[gnu::always_inline]] inline Vector<T> load_part(const T* from, int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(first_lanes(count)), from);
  else
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>(first_lanes(count)), from);
#elif defined(__AVX__)
  if constexpr (sizeof(T) == 4)
    return _mm256_maskload_ps(from, first_bytes(count * 4));
  else
    return _mm256_maskload_pd(from, first_bytes(count * 8));
#else
  Vector<T> value{};
  std::memcpy(&value, from, static_cast<size_t>(count) * sizeof(T));
  return value;
#endif
}

template <class T>
[[gnu::always_inline]] inline void store_part(T* to, Vector<T> value, int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>(first_lanes(count)), value);
  else
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>(first_lanes(count)), value);
#elif defined(__AVX__)
  if constexpr (sizeof(T) == 4)
    _mm256_maskstore_ps(to, first_bytes(count * 4), value);
  else
    _mm256_maskstore_pd(to, first_bytes(count * 8), value);
#else
  std::memcpy(to, &value, static_cast<size_t>(count) * sizeof(T));
#endif
}

/// Calls use(first, count, whole) for the vectors of a row of `columns` elements; all but the last are whole.
template <class T, class Use>
[[gnu::always_inline]] inline void for_vectors(int64_t columns, const Use& use) {
  int64_t first = 0;
  for (; first + lanes<T> <= columns; first += lanes<T>) use(first, int64_t{lanes<T>}, std::true_type{});
  if (first < columns) use(first, columns - first, std::false_type{});
}
template <class T, bool whole>
[[gnu::always_inline]] inline Vector<T> read_channels(const T* from, int64_t count,
                                                      std::bool_constant<whole>) {
  return whole ? load(from) : load_part(from, count);
}
template <class T, bool whole>
[[gnu::always_inline]] inline void write_channels(T* to, Vector<T> value, int64_t count,
                                                  std::bool_constant<whole>) {
  whole ? store(to, value) : store_part(to, value, count);
}

template <class T>
[[gnu::always_inline]] inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

#if !defined(__AVX__)
namespace detail {
template <int first, int... I>
[[gnu::always_inline]] inline Vector<double> widen_from(Vector<float> value,
                                                        std::integer_sequence<int, I...>) {
  return __builtin_convertvector(__builtin_shufflevector(value, value, (first + I)...), Vector<double>);
}
}  // namespace detail
#endif

/// The first (0) or second (1) half of the lanes as f64.
template <int half>
[[gnu::always_inline]] inline Vector<double> widen_half(Vector<float> value) {
#if defined(__AVX512F__)
  return _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(value), half)));
#elif defined(__AVX__)  // GCC converts 128 bits at a time
  return _mm256_cvtps_pd(_mm256_extractf128_ps(value, half));
#else
  return detail::widen_from<half * lanes<double> >(value, std::make_integer_sequence<int, lanes<double> >{});
#endif
}

namespace detail {
template <class T, int... I>
[[gnu::always_inline]] inline auto add_halves(auto value, std::integer_sequence<int, I...>) {
  constexpr int half = sizeof...(I);
  return __builtin_shufflevector(value, value, I...) + __builtin_shufflevector(value, value, (half + I)...);
}
}  // namespace detail

/// The sum of the lanes: the halves are added, then their halves, and so on.
template <class T>
[[gnu::always_inline]] inline T sum_of_lanes(auto value) {
  constexpr int half = sizeof(value) / sizeof(T) / 2;
  if constexpr (half == 1)
    return value[0] + value[1];
  else
    return sum_of_lanes<T>(detail::add_halves<T>(value, std::make_integer_sequence<int, half>()));
}

}  // namespace manul::cpu
