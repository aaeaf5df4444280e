#include "framework/cpu/product.h"

#include <algorithm>
#include <array>
#include <utility>

#include "framework/cpu/parallel.h"
#include "framework/cpu/transpose.h"
#include "framework/memory.h"

namespace manul::cpu {
namespace {

// A tile of y lives in registers while the inner axis runs: tile_rows * tile_vectors sums, tile_vectors of b
// and one number of a. A block of b, inner_block rows of a tile's width, stays in the first-level cache while
// row_block rows of y use it; these stay in the second.
constexpr int tile_rows = vector_registers == 32 ? 8 : 4;
constexpr int tile_vectors = 3;
constexpr int64_t inner_block = 64, row_block = 128;

/// a as the tiles read it: element (row, k) at data[row * row_step + k * inner_step].
template <class T>
struct Left {
  const T* data;
  int64_t row_step, inner_step;
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
  Vector<T> sum[R][V] = {};
  const T* left[R];
  for (int i = 0; i < R; ++i) left[i] = a.data + i * a.row_step;
  for (int64_t k = 0; k < inner; ++k) {
    Vector<T> right[V];
    for (int j = 0; j < V; ++j) right[j] = load(b.data + k * b.step + j * lanes<T>);
    for (int i = 0; i < R; ++i) {
      Vector<T> factor = broadcast(left[i][k * a.inner_step]);
      for (int j = 0; j < V; ++j) sum[i][j] += factor * right[j];
    }
  }
  for (int i = 0; i < R; ++i)
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

constexpr int64_t bytes_a_line = 64;

/// Asks for the lines of a block of a that will be read soon. Its rows may lie pages apart, which no
/// processor foresees.
template <class T>
void prefetch(int64_t rows, int64_t inner, Left<T> a) {
  constexpr int64_t line = bytes_a_line / static_cast<int64_t>(sizeof(T));
  int64_t starts = a.row_step == 1 ? inner : rows, length = a.row_step == 1 ? rows : inner;
  int64_t step = a.row_step == 1 ? a.inner_step : a.row_step;
  for (int64_t i = 0; i < starts; ++i)
    for (int64_t j = 0; j < length; j += line) __builtin_prefetch(a.data + i * step + j, 0, 2);
}

/// What a stack of tiles works on: y [rows, columns], columns at most a tile's width, added to if `add`.
template <class T>
struct Stack {
  ProductSize size;
  Left<T> a;
  Rows<const T> b;
  Rows<T> y;
  bool add;
};

/// The columns that fill no vector: b with zeros beside it, y by way of a tile of its own.
template <class T>
void edge_of_tiles(const Stack<T>& stack) {
  constexpr int64_t width = lanes<T>;
  alignas(vector_bytes) T b[inner_block * width] = {}, y[tile_rows * width];
  const ProductSize& size = stack.size;
  for (int64_t k = 0; k < size.inner; ++k)
    std::copy_n(stack.b.data + k * stack.b.step, size.columns, b + k * width);
  for (int64_t row = 0; row < size.rows; row += tile_rows) {
    int64_t rows = std::min<int64_t>(tile_rows, size.rows - row);
    tile_of<T>(rows, 1)(size.inner,
                        {stack.a.data + row * stack.a.row_step, stack.a.row_step, stack.a.inner_step},
                        {b, width}, {y, width}, false);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < size.columns; ++j) {
        T& to = stack.y.data[(row + i) * stack.y.step + j];
        to = stack.add ? to + y[i * width + j] : y[i * width + j];
      }
  }
}

/// Whole vectors; meanwhile `ahead`, the next block of a, is fetched unless its data is null.
template <class T>
void stack_of_tiles(const Stack<T>& stack, Left<T> ahead) {
  const ProductSize& size = stack.size;
  for (int64_t row = 0; row < size.rows; row += tile_rows) {
    int64_t rows = std::min<int64_t>(tile_rows, size.rows - row);
    if (ahead.data)
      prefetch(rows, size.inner,
               Left<T>{ahead.data + row * ahead.row_step, ahead.row_step, ahead.inner_step});
    tile_of<T>(rows, size.columns / lanes<T>)(
        size.inner, {stack.a.data + row * stack.a.row_step, stack.a.row_step, stack.a.inner_step}, stack.b,
        {stack.y.data + row * stack.y.step, stack.y.step}, stack.add);
  }
}

/// y [rows, columns] = a · b, on the calling thread.
template <class T>
void product_of_blocks(ProductSize size, Left<T> a, Rows<const T> b, Rows<T> y) {
  constexpr int64_t width = tile_vectors * lanes<T>;
  auto left = [=](int64_t row, int64_t k) {
    return Left<T>{a.data + row * a.row_step + k * a.inner_step, a.row_step, a.inner_step};
  };
  int64_t whole = size.columns / lanes<T> * lanes<T>;
  for (int64_t row = 0; row < size.rows; row += row_block) {
    int64_t rows = std::min(row_block, size.rows - row);
    for (int64_t k = 0; k < size.inner; k += inner_block) {
      int64_t inner = std::min(inner_block, size.inner - k);
      auto stack = [&](int64_t column, int64_t columns) {
        return Stack<T>{{rows, columns, inner},
                        left(row, k),
                        {b.data + k * b.step + column, b.step},
                        {y.data + row * y.step + column, y.step},
                        k > 0};
      };
      Left<T> ahead{nullptr, a.row_step, a.inner_step};
      if (k + 2 * inner_block <= size.inner)
        ahead = left(row, k + inner_block);
      else if (k + inner == size.inner && row + 2 * row_block <= size.rows)
        ahead = left(row + row_block, 0);
      for (int64_t column = 0; column < whole; column += width) {
        stack_of_tiles(stack(column, std::min(width, whole - column)), ahead);
        ahead.data = nullptr;
      }
      if (whole < size.columns) edge_of_tiles(stack(whole, size.columns - whole));
    }
  }
}

/// How a product is cut for the threads: by the sizes alone.
constexpr int64_t most_parts = 16, least_operations = 1 << 16;

int64_t part_length(ProductSize size, int64_t axis, int64_t parts, int64_t multiple) {
  if (size.rows * size.columns * size.inner < least_operations) return std::max<int64_t>(axis, 1);
  int64_t length = (axis + parts - 1) / parts;
  return std::max((length + multiple - 1) / multiple * multiple, 2 * multiple);
}

/// Many terms for few sums: each part of the inner axis gets sums of its own, which are added in order.
template <class T>
void product_by_inner(ProductSize size, Left<T> a, Rows<const T> b, T* y) {
  int64_t sums = size.rows * size.columns;
  int64_t length = part_length(size, size.inner, most_parts / 2, inner_block);
  int64_t parts = (size.inner + length - 1) / length;
  Storage scratch(static_cast<size_t>(parts * sums) * sizeof(T), Device::cpu());
  T* partial = reinterpret_cast<T*>(scratch.data);
  parallel_for(size.inner, length, [=](int64_t begin, int64_t end) {
    product_of_blocks<T>({size.rows, size.columns, end - begin},
                         {a.data + begin * a.inner_step, a.row_step, a.inner_step},
                         {b.data + begin * b.step, b.step}, {partial + begin / length * sums, size.columns});
  });
  parallel_for(sums, 2048, [=](int64_t begin, int64_t end) {
    std::copy(partial + begin, partial + end, y + begin);
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t i = begin; i < end; ++i) y[i] += partial[part * sums + i];
  });
}

template <class T>
void product_by_rows(ProductSize size, Left<T> a, Rows<const T> b, T* y) {
  parallel_for(size.rows, part_length(size, size.rows, most_parts, tile_rows),
               [=](int64_t begin, int64_t end) {
                 product_of_blocks<T>({end - begin, size.columns, size.inner},
                                      {a.data + begin * a.row_step, a.row_step, a.inner_step}, b,
                                      {y + begin * size.columns, size.columns});
               });
}

template <class T>
void product_of(ProductSize size, Left<T> a, Rows<const T> b, T* y) {
  if (size.inner == 0)
    std::fill_n(y, size.rows * size.columns, T(0));
  else if (size.inner >= 1024 && size.inner > 2 * size.rows)
    product_by_inner(size, a, b, y);
  else
    product_by_rows(size, a, b, y);
}

}  // namespace

template <class T>
void product(ProductSize size, const T* a, const T* b, T* y) {
  product_of<T>(size, {a, size.inner, 1}, {b, size.columns}, y);
}

template <class T>
void product_transposed_a(ProductSize size, const T* a, const T* b, T* y) {
  product_of<T>(size, {a, 1, size.rows}, {b, size.columns}, y);
}

// yᵀ = b · aᵀ: the rows of b are read along the inner axis, as the tiles want; a and the tiles of yᵀ, the
// small ones where b is a layer's weights, are transposed.
template <class T>
void product_transposed_b(ProductSize size, const T* a, const T* b, T* y) {
  constexpr int64_t most_rows = 512, strip = 256;
  for (int64_t first = 0; first < size.rows; first += most_rows) {
    int64_t rows = std::min(most_rows, size.rows - first);
    Storage scratch(static_cast<size_t>(rows * size.inner) * sizeof(T), Device::cpu());
    T* turned = reinterpret_cast<T*>(scratch.data);
    transpose_block(rows, size.inner, a + first * size.inner, size.inner, turned, rows);
    ProductSize turned_size{size.columns, rows, size.inner};
    parallel_for(size.columns, part_length(turned_size, size.columns, most_parts, 32),
                 [=, y = y + first * size.columns](int64_t begin, int64_t end) {
                   Storage tile(static_cast<size_t>(strip * rows) * sizeof(T), Device::cpu());
                   T* part = reinterpret_cast<T*>(tile.data);
                   for (int64_t column = begin; column < end; column += strip) {
                     int64_t columns = std::min(strip, end - column);
                     product_of_blocks<T>({columns, rows, size.inner},
                                          {b + column * size.inner, size.inner, 1}, {turned, rows},
                                          {part, rows});
                     transpose_block(columns, rows, part, rows, y + column, size.columns);
                   }
                 });
  }
}

template void product(ProductSize, const float*, const float*, float*);
template void product(ProductSize, const double*, const double*, double*);
template void product_transposed_a(ProductSize, const float*, const float*, float*);
template void product_transposed_a(ProductSize, const double*, const double*, double*);
template void product_transposed_b(ProductSize, const float*, const float*, float*);
template void product_transposed_b(ProductSize, const double*, const double*, double*);

}  // namespace manul::cpu
