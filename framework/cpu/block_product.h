#pragma once

#include <algorithm>

#include "manul/framework/cpu/product.h"
#include "manul/framework/cpu/product_tile.h"
#include "manul/framework/cpu/split.h"
#include "manul/framework/cpu/tiles.h"

/// Products on the calling thread, block by block. Included by product.cpp only.
///
/// A block of b, inner_block rows of a tile's width, stays in the first-level cache while most_row_block rows
/// of y use it; these stay in the second. A b that stays there as a whole and is wider than a tile is used by
/// one row of tiles after the other, so that y is written in one stream.
namespace manul::cpu::blocked {

inline constexpr int64_t most_row_block = 128, small_b_bytes = 16 << 10;

/// One block of a product: y [rows, columns] = a · b, on top of y if `add`.
template <class T>
struct Block {
  ProductSize size;
  Left<T> a;
  Rows<const T> b;
  Rows<T> y;
  bool add, y_is_far;
  Ahead* ahead;

  Walk<T> walk(int64_t count, int64_t row, int64_t column) const {
    return {
        count, size.inner, a.at(row, 0), {b.data + column, b.step}, {y.data + row * y.step + column, y.step},
        add,   y_is_far,   ahead};
  }
};

/// The columns that fill no vector: b with zeros beside it, y by way of a tile of its own.
template <class T>
void edge_of_tiles(const Block<T>& block, int64_t column) {
  constexpr int64_t width = lanes<T>;
  alignas(vector_bytes) T b[inner_block * width] = {}, y[tile_rows * width];
  const ProductSize& size = block.size;
  const int64_t columns = size.columns - column;
  for (int64_t j = 0; j < columns; ++j)
    for (int64_t k = 0; k < size.inner; ++k) b[k * width + j] = block.b.data[k * block.b.step + column + j];
  split_evenly(size.rows, tile_rows, [&](int64_t row, int64_t rows) {
    tiles_of<T>(rows, 1,
                {1, size.inner, block.a.at(row, 0), {b, width}, {y, width}, false, false, block.ahead});
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        T& to = block.y.data[(row + i) * block.y.step + column + j];
        to = block.add ? to + y[i * width + j] : y[i * width + j];
      }
  });
}

/// About how many tiles a block takes.
template <class T>
int64_t tiles_in(ProductSize size) {
  constexpr int64_t width = tile_vectors * lanes<T>;
  return (size.rows + tile_rows - 1) / tile_rows * ((size.columns + width - 1) / width);
}

/// Tiles along the columns of at most tile_rows rows.
template <class T>
void row_of_tiles(const Block<T>& block) {
  split_in_rows(block.size.columns / lanes<T>, tile_vectors,
                [&](int64_t vector, int64_t vectors, int64_t count) {
                  Walk<T> walk = block.walk(count, 0, vector * lanes<T>);
                  walk.b_next = walk.y_next = vectors * lanes<T>;
                  tiles_of<T>(block.size.rows, vectors, walk);
                });
}

/// Tiles along the rows, for one width of columns after the other.
template <class T>
void columns_of_tiles(const Block<T>& block) {
  split_evenly(block.size.columns / lanes<T>, tile_vectors, [&](int64_t vector, int64_t vectors) {
    split_in_rows(block.size.rows, tile_rows, [&](int64_t row, int64_t rows, int64_t count) {
      Walk<T> walk = block.walk(count, row, vector * lanes<T>);
      walk.a_next = rows * block.a.row_step;
      walk.y_next = rows * block.y.step;
      tiles_of<T>(rows, vectors, walk);
    });
  });
}

/// The operands of a product, from its beginning on; null where there are none.
template <class T>
struct Operands {
  Left<T> a{};
  Rows<const T> b{};
};

/// Asks for `size` of operands, but not for rows of a that lie apart: each of them is a stream that the
/// processor foresees.
template <class T>
void ask_for(Ahead& ahead, const Operands<T>& operands, const ProductSize& size) {
  constexpr int64_t bytes = sizeof(T);
  const auto& [a, b] = operands;
  if (a.data && a.row_step == 1)  // the lines of the last rows: in the one before, a block before may end
    ahead.add(a.data + (size.rows - 1) % (Ahead::line / bytes), size.inner, size.rows * bytes,
              a.inner_step * bytes);
  else if (a.data && a.row_step == size.inner)  // rows one after the other
    ahead.add(a.data, size.rows, size.inner * bytes, size.inner * bytes);
  if (b.data) ahead.add(b.data, size.inner, size.columns * bytes, b.step * bytes);
}

/// y [rows, columns] = a · b, on top of y if `add`, on the calling thread. Meanwhile asks for what `ahead`
/// has, for what it will read itself, and at the end for what is read first if a product of the same size
/// follows.
template <class T>
void product_of_blocks(ProductSize size, Left<T> a, Rows<const T> b, Rows<T> y, Ahead& ahead,
                       const Operands<T>& following = {}, bool add = false, bool y_is_far = false) {
  int64_t whole = size.columns / lanes<T> * lanes<T>;
  bool small_b = whole > tile_vectors * lanes<T> &&
                 size.inner * size.columns * static_cast<int64_t>(sizeof(T)) <= small_b_bytes;
  const int64_t row_block = small_b ? tile_rows : most_row_block;
  auto length_at = [](int64_t at, int64_t block, int64_t end) { return std::min(block, end - at); };
  for (int64_t row = 0; row < size.rows; row += row_block) {
    int64_t rows = length_at(row, row_block, size.rows), next_row = row + rows;
    for (int64_t k = 0; k < size.inner; k += inner_block) {
      int64_t inner = length_at(k, inner_block, size.inner), next = k + inner;
      if (next < size.inner)
        ask_for<T>(ahead, {a.at(row, next), {row == 0 ? b.data + next * b.step : nullptr, b.step}},
                   {rows, size.columns, length_at(next, inner_block, size.inner)});
      else if (next_row < size.rows)
        ask_for<T>(ahead, {a.at(next_row, 0)},
                   {length_at(next_row, row_block, size.rows), 0, length_at(0, inner_block, size.inner)});
      else
        ask_for<T>(ahead, following,
                   {length_at(0, row_block, size.rows), size.columns, length_at(0, inner_block, size.inner)});
      Block<T> block{{rows, size.columns, inner},
                     a.at(row, k),
                     {b.data + k * b.step, b.step},
                     {y.data + row * y.step, y.step},
                     add || k > 0,
                     y_is_far,
                     &ahead};
      ahead.spread(tiles_in<T>(block.size));
      if (small_b)
        row_of_tiles(block);
      else
        columns_of_tiles(block);
      if (whole < size.columns) edge_of_tiles(block, whole);
    }
  }
}

}  // namespace manul::cpu::blocked
