#pragma once

#include <algorithm>
#include <utility>

#include "manul/framework/cpu/vector.h"

namespace manul::cpu {

namespace detail {
/// Lanes that instructions shuffle best among themselves: AVX has its 128 bits twice.
template <class T>
inline constexpr int near_lanes = vector_bytes == 32 ? lanes<T> / 2 : lanes<T>;

/// One step of a perfect shuffle among near lanes: those of `a` and `b` in turns, of their first or second
/// halves.
template <class T, bool second_half, int... I>
[[gnu::always_inline]] inline Vector<T> interleave(Vector<T> a, Vector<T> b,
                                                   std::integer_sequence<int, I...>) {
  constexpr int near = near_lanes<T>, first = second_half ? near / 2 : 0;
  return __builtin_shufflevector(a, b, (I / near * near + first + I % near / 2 + (I % 2 ? lanes<T> : 0))...);
}

/// The first or second halves of `a` and `b`, one after the other.
template <class T, bool second_half, int... I>
[[gnu::always_inline]] inline Vector<T> join_halves(Vector<T> a, Vector<T> b,
                                                    std::integer_sequence<int, I...>) {
  constexpr int half = lanes<T> / 2, first = second_half ? half : 0;
  return __builtin_shufflevector(a, b, (first + I % half + (I < half ? 0 : lanes<T>))...);
}
}  // namespace detail

/// Transposes a square of lanes<T> vectors in registers: as many perfect shuffles as its side has bits, the
/// last one of whole halves where these are not near.
template <class T>
[[gnu::always_inline]] inline void transpose_square(Vector<T> (&square)[lanes<T>]) {
  constexpr auto all = std::make_integer_sequence<int, lanes<T>>{};
  constexpr int near = detail::near_lanes<T>;
  for (int width = 1; width < near; width *= 2) {
    Vector<T> mixed[lanes<T>];
    for (int row = 0; row < lanes<T>; row += near)
      for (int i = row; i < row + near / 2; ++i) {
        mixed[2 * i - row] = detail::interleave<T, false>(square[i], square[i + near / 2], all);
        mixed[2 * i - row + 1] = detail::interleave<T, true>(square[i], square[i + near / 2], all);
      }
    for (int i = 0; i < lanes<T>; ++i) square[i] = mixed[i];
  }
  if constexpr (near < lanes<T>)
    for (int i = 0; i < near; ++i) {
      const Vector<T> first = square[i], second = square[i + near];
      square[i] = detail::join_halves<T, false>(first, second, all);
      square[i + near] = detail::join_halves<T, true>(first, second, all);
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
