#pragma once

#include <array>
#include <utility>

#include "manul/framework/cpu/ahead.h"
#include "manul/framework/cpu/product.h"
#include "manul/framework/cpu/product_tile.h"

/// Tiles of a product, on the calling thread. Included by block_product.h only.
///
/// A tile of y lives in registers while the inner axis runs: tile_rows * tile_vectors sums, tile_vectors of b
/// and one number of a.
namespace manul::cpu::blocked {

/// A row or a column of `count` equal tiles: where the first one lies, and elements from one to the next.
template <class T>
struct Walk {
  int64_t count, inner;
  Left<T> a;
  Rows<const T> b;
  Rows<T> y;
  bool add, y_is_far;
  Ahead* ahead;
  int64_t a_next = 0, b_next = 0, y_next = 0;
};

/// Four rows of the left matrix by one pointer and the same distances from it for all of them: a pointer a
/// row would want more registers than there are, and compilers keep those that are too many in vectors.
template <class T>
struct FourRows {
  const T* data;

  FourRows(const T* from, int64_t row_step, int64_t inner_step)
      : data(from), one_(row_step), three_(3 * row_step), inner_step_(inner_step) {
    asm("" : "+r"(three_));
  }
  [[gnu::always_inline]] void next() {
    data += inner_step_;
    asm("" : "+r"(data));
  }
  [[gnu::always_inline]] T at(int row) const {
    return data[row == 0 ? 0 : row == 1 ? one_ : row == 2 ? 2 * one_ : three_];
  }

 private:
  int64_t one_, three_, inner_step_;
};

/// y[R][V vectors] = a · b over `inner`, on top of y if `add`; for each tile of the walk.
template <class T, int R, int V>
[[gnu::noinline]] void tiles(const Walk<T>& walk) {
  const int64_t row_step = walk.a.row_step, inner_step = walk.a.inner_step, b_step = walk.b.step;
  const int64_t inner = walk.inner, y_step = walk.y.step;
  const bool add = walk.add;
  for (int64_t t = 0; t < walk.count; ++t) {
    Vector<T> sum[R][V];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) sum[i][j] = Vector<T>{};
    T* to = walk.y.data + t * walk.y_next;
    if (walk.y_is_far)
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < V; j += static_cast<int>(Ahead::line) / vector_bytes)
          __builtin_prefetch(to + i * y_step + j * lanes<T>, 1);
    const T* left = walk.a.data + t * walk.a_next;
    FourRows<T> low(left, row_step, inner_step), high(left + 4 * row_step, row_step, inner_step);
    const T* right = walk.b.data + t * walk.b_next;
    Ahead::Lines lines = walk.ahead->take(inner);
#pragma GCC unroll 2
    for (int64_t k = 0; k < inner; ++k) {
      lines.ask();
      Vector<T> values[V];
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) values[j] = load(right + j * lanes<T>);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        Vector<T> factor = broadcast(i < 4 ? low.at(i) : high.at(i - 4));
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j) sum[i][j] += factor * values[j];
      }
      right += b_step;
      low.next();
      if (R > 4) high.next();
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i, to += y_step)
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) {
        T* at = to + j * lanes<T>;
        store(at, add ? load(at) + sum[i][j] : sum[i][j]);
      }
  }
}

/// tiles<T, rows, vectors> for sizes known only at run time.
template <class T>
void tiles_of(int64_t rows, int64_t vectors, const Walk<T>& walk) {
  static constexpr auto table = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<void (*)(const Walk<T>&), sizeof...(I)>{
        tiles<T, I / tile_vectors + 1, I % tile_vectors + 1>...};
  }
  (std::make_integer_sequence<int, tile_rows * tile_vectors>{});
  table[(rows - 1) * tile_vectors + vectors - 1](walk);
}

}  // namespace manul::cpu::blocked
