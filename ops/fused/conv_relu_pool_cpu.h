#pragma once

#include <array>
#include <utility>

#include "manul/framework/cpu/ahead.h"
#include "manul/framework/cpu/vector.h"
#include "manul/ops/fused/conv_relu_pool.h"

namespace manul::cpu {

/// Winner codes in a vector's lanes, as wide as the numbers beside them and as they are kept.
template <class T>
struct Codes;
template <>
struct Codes<float> {
  using Element = int32_t;
  using Wide [[gnu::vector_size(vector_bytes)]] = int32_t;
  using Bytes [[gnu::vector_size(vector_bytes / 4)]] = uint8_t;
  using Halves [[gnu::vector_size(vector_bytes / 2)]] = uint16_t;
};
template <>
struct Codes<double> {
  using Element = int64_t;
  using Wide [[gnu::vector_size(vector_bytes)]] = int64_t;
  using Bytes [[gnu::vector_size(vector_bytes / 8)]] = uint8_t;
  using Halves [[gnu::vector_size(vector_bytes / 4)]] = uint16_t;
};

/// The codes of lanes<T> neighbours. In two steps, for each of which GCC knows an instruction.
template <class T>
[[gnu::always_inline]] inline typename Codes<T>::Wide load_codes(const uint8_t* from) {
  typename Codes<T>::Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(__builtin_convertvector(bytes, typename Codes<T>::Halves),
                                 typename Codes<T>::Wide);
}

/// The codes as bytes, in the first lanes<T> of the vector. Without AVX-512 the compilers would take such a
/// conversion lane by lane through general registers.
template <class T>
[[gnu::always_inline]] inline auto narrow(typename Codes<T>::Wide code) {
#if defined(__AVX512VL__)
  return __builtin_convertvector(code, typename Codes<T>::Bytes);
#else
  return []<int... I>(typename Codes<T>::Wide wide, std::integer_sequence<int, I...>) {
    using All [[gnu::vector_size(vector_bytes)]] = uint8_t;
    auto bytes = reinterpret_cast<All>(wide);
    return __builtin_shufflevector(bytes, bytes, (I * int{sizeof(T)} % vector_bytes)...);
  }
  (code, std::make_integer_sequence<int, vector_bytes>{});
#endif
}

/// The fused op's loops run over pooled rows, row 0 of all pictures first: a thread then writes, and reads in
/// the backward pass, the features that the same thread multiplies in a dense layer behind.
struct PooledRows {
  explicit PooledRows(const WindowGeometry& g)
      : height(g.output[0] / 2),
        width(g.output[1] / 2),
        count(g.batch * height),
        row_step(g.input[1] * g.channels),
        down(g.strides[0] * row_step),
        right(g.strides[1] * g.channels),
        batch(g.batch),
        picture(g.input[0] * row_step),
        below((g.strides[0] + g.size[0]) * row_step) {}

  int64_t height, width, count;
  int64_t row_step;     // elements from one input row to the next
  int64_t down, right;  // elements between the windows of neighbouring convolution outputs
  int64_t batch, picture;
  int64_t below;  // elements of the input rows under one pooled row

  /// Where the window of each winner code begins, from the pooled pixel's first element on.
  std::array<int64_t, cut + 1> windows() const { return {0, right, down, down + right, 0}; }

  /// Where pooled row `i` lies. Found out once a row: it takes a division.
  struct Place {
    int64_t input;  // the first element under it
    int64_t pixel;  // its first pooled pixel
  };
  Place at(int64_t i) const {
    int64_t n = i % batch, y = i / batch;
    return {n * picture + y * 2 * down, (n * height + y) * width};
  }

  /// Asks for the input of a pooled row: it lies in another picture than the one before, where no processor
  /// looks ahead.
  template <class T>
  void ask_for_input(const T* x, const Place& place, Ahead& ahead) const {
    ahead.add(x + place.input, 1, below * static_cast<int64_t>(sizeof(T)), 0);
  }
  /// The same for a pooled row of `values`, [..., filters].
  template <class T>
  void ask_for_pooled(const T* values, int64_t filters, const Place& place, Ahead& ahead) const {
    ahead.add(values + place.pixel * filters, 1, width * filters * static_cast<int64_t>(sizeof(T)), 0);
  }
};

}  // namespace manul::cpu
