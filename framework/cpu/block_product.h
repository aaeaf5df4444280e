#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "framework/cpu/product.h"
#include "framework/cpu/split.h"
#include "framework/cpu/vector.h"

/// Products on the calling thread, block by block. Included by product.cpp only.
///
/// A tile of y lives in registers while the inner axis runs: tile_rows * tile_vectors sums, tile_vectors of b
/// and one number of a. A block of b, inner_block rows of a tile's width, stays in the first-level cache
/// while most_row_block rows of y use it; these stay in the second. A b that stays there as a whole is used
/// by one row of tiles after the other, so that y is written in one stream.
namespace manul::cpu::blocked {

inline constexpr int tile_rows = vector_registers == 32 ? 8 : 6;
inline constexpr int tile_vectors = vector_registers == 32 ? 3 : 2;
inline constexpr int64_t inner_block = vector_registers == 32 ? 64 : 128;
inline constexpr int64_t most_row_block = 128, small_b_bytes = 16 << 10;

/// a as the tiles read it: element (row, k) at data[row * row_step + k * inner_step].
template <class T>
struct Left {
  const T* data;
  int64_t row_step, inner_step;
  Left at(int64_t row, int64_t k) const {
    return {data + row * row_step + k * inner_step, row_step, inner_step};
  }
};

/// b and y: rows of contiguous elements.
template <class T>
struct Rows {
  T* data;
  int64_t step;
};

/// y[R][V vectors] = a · b over `inner`, on top of y if `add`.
template <class T, int R, int V>
[[gnu::noinline]] void tile(int64_t inner, Left<T> a, Rows<const T> b, Rows<T> y, bool add) {
  Vector<T> sum[R][V];
  const T* left[R];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
    left[i] = a.data + i * a.row_step;
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) sum[i][j] = Vector<T>{};
  }
#pragma GCC unroll 2
  for (int64_t k = 0; k < inner; ++k) {
    Vector<T> right[V];
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) right[j] = load(b.data + k * b.step + j * lanes<T>);
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      Vector<T> factor = broadcast(left[i][k * a.inner_step]);
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) sum[i][j] += factor * right[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) {
      T* to = y.data + i * y.step + j * lanes<T>;
      store(to, add ? load(to) + sum[i][j] : sum[i][j]);
    }
}

template <class T>
using Tile = void (*)(int64_t, Left<T>, Rows<const T>, Rows<T>, bool);

/// tile<T, rows, vectors> for sizes known only at run time.
template <class T>
Tile<T> tile_of(int64_t rows, int64_t vectors) {
  static constexpr auto table = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<Tile<T>, sizeof...(I)>{tile<T, I / tile_vectors + 1, I % tile_vectors + 1>...};
  }
  (std::make_integer_sequence<int, tile_rows * tile_vectors>{});
  return table[(rows - 1) * tile_vectors + vectors - 1];
}

/// Memory that is asked for in small steps while tiles are computed: all at once would keep them waiting.
class Ahead {
 public:
  /// The `bytes` bytes at `offset` of each buffer, in about `steps` steps.
  Ahead(std::span<const void* const> buffers, int64_t offset, int64_t bytes, int64_t steps)
      : buffers_(buffers), next_(offset), end_(offset + bytes), step_((bytes / steps / line + 1) * line) {}

  void step() {
    int64_t until = std::min(next_ + step_, end_);
    for (; next_ < until; next_ += line)
      for (const void* buffer : buffers_) __builtin_prefetch(static_cast<const char*>(buffer) + next_, 0, 2);
  }

 private:
  static constexpr int64_t line = 64;
  std::span<const void* const> buffers_;
  int64_t next_, end_, step_;
};

/// What a stack of tiles works on: y [rows, columns], columns at most a tile's width, added to if `add`.
/// Meanwhile it asks for what is multiplied next, unless that is null: a share of the inner axis of a block
/// of a, and as many rows of b.
template <class T>
struct Stack {
  ProductSize size;
  Left<T> a;
  Rows<const T> b;
  Rows<T> y;
  bool add;
  const T *next_a, *next_b;
  int64_t share_of_a;
  Ahead* ahead;  // may be null
};

/// The columns that fill no vector: b with zeros beside it, y by way of a tile of its own.
template <class T>
void edge_of_tiles(const Stack<T>& stack) {
  constexpr int64_t width = lanes<T>;
  alignas(vector_bytes) T b[inner_block * width] = {}, y[tile_rows * width];
  const ProductSize& size = stack.size;
  for (int64_t j = 0; j < size.columns; ++j)
    for (int64_t k = 0; k < size.inner; ++k) b[k * width + j] = stack.b.data[k * stack.b.step + j];
  split_evenly(size.rows, tile_rows, [&](int64_t row, int64_t rows) {
    tile_of<T>(rows, 1)(size.inner, stack.a.at(row, 0), {b, width}, {y, width}, false);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < size.columns; ++j) {
        T& to = stack.y.data[(row + i) * stack.y.step + j];
        to = stack.add ? to + y[i * width + j] : y[i * width + j];
      }
  });
}

/// Whole vectors.
template <class T>
void stack_of_tiles(const Stack<T>& stack) {
  const ProductSize& size = stack.size;
  const Left<T>& a = stack.a;
  int64_t share_of_b = stack.next_b ? size.inner / ((size.rows + tile_rows - 1) / tile_rows) + 1 : 0;
  const T* next_b = stack.next_b;
  const T* end_of_b = next_b + size.inner * stack.b.step;
  split_evenly(size.rows, tile_rows, [&](int64_t row, int64_t rows) {
    if (stack.next_a) {
      if (a.row_step == 1)
        prefetch_rows(stack.next_a + row, stack.share_of_a, rows, a.inner_step);
      else
        prefetch_rows(stack.next_a + row * a.row_step, rows, stack.share_of_a, a.row_step);
    }
    for (int64_t i = 0; i < share_of_b && next_b < end_of_b; ++i, next_b += stack.b.step)
      prefetch_rows(next_b, 1, size.columns, 0);
    if (stack.ahead) stack.ahead->step();
    tile_of<T>(rows, size.columns / lanes<T>)(size.inner, a.at(row, 0), stack.b,
                                              {stack.y.data + row * stack.y.step, stack.y.step}, stack.add);
  });
}

/// About how many tiles a product of one block of b takes.
template <class T>
int64_t tiles_of(ProductSize size) {
  constexpr int64_t width = tile_vectors * lanes<T>;
  return (size.rows + tile_rows - 1) / tile_rows * ((size.columns + width - 1) / width);
}

/// y [rows, columns] = a · b, on the calling thread.
template <class T>
void product_of_blocks(ProductSize size, Left<T> a, Rows<const T> b, Rows<T> y, Ahead* ahead = nullptr) {
  int64_t whole = size.columns / lanes<T> * lanes<T>;
  bool small_b = whole > 0 && size.inner * size.columns * static_cast<int64_t>(sizeof(T)) <= small_b_bytes;
  const int64_t row_block = small_b ? tile_rows : most_row_block;
  for (int64_t row = 0; row < size.rows; row += row_block) {
    int64_t rows = std::min(row_block, size.rows - row);
    for (int64_t k = 0; k < size.inner; k += inner_block) {
      int64_t inner = std::min(inner_block, size.inner - k);
      bool more = k + 2 * inner_block <= size.inner, last = k + inner == size.inner;
      auto stack = [&](int64_t column, int64_t columns) {
        return Stack<T>{{rows, columns, inner},
                        a.at(row, k),
                        {b.data + k * b.step + column, b.step},
                        {y.data + row * y.step + column, y.step},
                        k > 0,
                        nullptr,
                        more && row == 0 ? b.data + (k + inner_block) * b.step + column : nullptr,
                        0,
                        ahead};
      };
      const T* next_a = nullptr;
      if (more)
        next_a = a.at(row, k + inner_block).data;
      else if (last && row + 2 * row_block <= size.rows)
        next_a = a.at(row + row_block, 0).data;
      const int64_t all = whole / lanes<T>;
      split_evenly(all, tile_vectors, [&](int64_t vector, int64_t vectors) {
        Stack<T> tiles = stack(vector * lanes<T>, vectors * lanes<T>);
        int64_t begin = inner * vector / all, end = inner * (vector + vectors) / all;
        tiles.next_a = next_a ? next_a + begin * a.inner_step : nullptr;
        tiles.share_of_a = end - begin;
        stack_of_tiles(tiles);
      });
      if (whole < size.columns) edge_of_tiles(stack(whole, size.columns - whole));
    }
  }
}

}  // namespace manul::cpu::blocked
