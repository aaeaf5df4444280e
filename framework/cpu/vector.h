#pragma once

#include <cstdint>
#include <cstring>

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

/// The first `count` (at most lanes<T>) elements; the other lanes are zero.
template <class T>
[[gnu::always_inline]] inline Vector<T> load_part(const T* from, int64_t count) {
  Vector<T> value{};
  std::memcpy(&value, from, static_cast<size_t>(count) * sizeof(T));
  return value;
}

template <class T>
[[gnu::always_inline]] inline void store_part(T* to, Vector<T> value, int64_t count) {
  std::memcpy(to, &value, static_cast<size_t>(count) * sizeof(T));
}

template <class T>
[[gnu::always_inline]] inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

/// The lanes added from the first to the last.
template <class T>
inline T sum_of_lanes(Vector<T> value) {
  T sum = 0;
  for (int i = 0; i < lanes<T>; ++i) sum += value[i];
  return sum;
}

}  // namespace manul::cpu
