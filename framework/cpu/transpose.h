#pragma once

#include <algorithm>
#include <utility>

#include "manul/framework/cpu/vector.h"

namespace manul::cpu {

namespace detail {
/// One step of a perfect shuffle of lanes: those of `a` and `b` in turns, of their first or second halves.
template <class T, bool second_half, int... I>
[[gnu::always_inline]] inline Vector<T> interleave(Vector<T> a, Vector<T> b,
                                                   std::integer_sequence<int, I...>) {
  constexpr int half = lanes<T> / 2, first = second_half ? half : 0;
  return __builtin_shufflevector(a, b, (first + I / 2 + (I % 2 ? lanes<T> : 0))...);
}
}  // namespace detail

/// Transposes a square of lanes<T> vectors in registers: as many perfect shuffles as its side has bits.
template <class T>
[[gnu::always_inline]] inline void transpose_square(Vector<T> (&square)[lanes<T>]) {
  constexpr auto all = std::make_integer_sequence<int, lanes<T>>{};
  for (int width = 1; width < lanes<T>; width *= 2) {
    Vector<T> mixed[lanes<T>];
    for (int i = 0; i < lanes<T> / 2; ++i) {
      mixed[2 * i] = detail::interleave<T, false>(square[i], square[i + lanes<T> / 2], all);
      mixed[2 * i + 1] = detail::interleave<T, true>(square[i], square[i + lanes<T> / 2], all);
    }
    for (int i = 0; i < lanes<T>; ++i) square[i] = mixed[i];
  }
}

/// to[j * to_step + i] = from[i * from_step + j] for i < rows, j < columns.
template <class T>
void transpose_block(int64_t rows, int64_t columns, const T* from, int64_t from_step, T* to,
                     int64_t to_step) {
  constexpr int64_t side = lanes<T>;
  for (int64_t j = 0; j < columns; j += side)  // along `to`: scattered writes cost more than scattered reads
    for (int64_t i = 0; i < rows; i += side) {
      if (i + side <= rows && j + side <= columns) {
        Vector<T> square[side];
        for (int64_t k = 0; k < side; ++k) square[k] = load(from + (i + k) * from_step + j);
        transpose_square<T>(square);
        for (int64_t k = 0; k < side; ++k) store(to + (j + k) * to_step + i, square[k]);
        continue;
      }
      for (int64_t k = i; k < std::min(i + side, rows); ++k)
        for (int64_t l = j; l < std::min(j + side, columns); ++l)
          to[l * to_step + k] = from[k * from_step + l];
    }
}

}  // namespace manul::cpu
