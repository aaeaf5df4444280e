#include "framework/cpu/product.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "framework/cpu/parallel.h"
#include "framework/cpu/split.h"
#include "framework/cpu/take_range.h"
#include "framework/cpu/transpose.h"
#include "framework/memory.h"

namespace manul::cpu {
namespace {

// A tile of y lives in registers while the inner axis runs: tile_rows * tile_vectors sums, tile_vectors of b
// and one number of a. A block of b, inner_block rows of a tile's width, stays in the first-level cache while
// most_row_block rows of y use it; these stay in the second. A b that stays there as a whole is used by one
// row of tiles after the other, so that y is written in one stream.
constexpr int tile_rows = vector_registers == 32 ? 8 : 6;
constexpr int tile_vectors = vector_registers == 32 ? 3 : 2;
constexpr int64_t inner_block = vector_registers == 32 ? 64 : 128;
constexpr int64_t most_row_block = 128, small_b_bytes = 16 << 10;

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
#pragma GCC unroll 4
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
/// Meanwhile it asks for what is multiplied next, unless that is null: a block of a, and as many rows of b.
template <class T>
struct Stack {
  ProductSize size;
  Left<T> a;
  Rows<const T> b;
  Rows<T> y;
  bool add;
  const T *next_a, *next_b;
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
        prefetch_rows(stack.next_a + row, size.inner, rows, a.inner_step);
      else
        prefetch_rows(stack.next_a + row * a.row_step, rows, size.inner, a.row_step);
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
                        ahead};
      };
      const T* next_a = nullptr;
      if (more)
        next_a = a.at(row, k + inner_block).data;
      else if (last && row + 2 * row_block <= size.rows)
        next_a = a.at(row + row_block, 0).data;
      split_evenly(whole / lanes<T>, tile_vectors, [&](int64_t vector, int64_t vectors) {
        Stack<T> tiles = stack(vector * lanes<T>, vectors * lanes<T>);
        tiles.next_a = std::exchange(next_a, nullptr);
        stack_of_tiles(tiles);
      });
      if (whole < size.columns) edge_of_tiles(stack(whole, size.columns - whole));
    }
  }
}

/// How a product is cut for the threads: by the sizes alone.
constexpr int64_t most_parts = 32, parts_of_inner = 8, least_operations = 1 << 16;

int64_t part_length(ProductSize size, int64_t axis, int64_t parts, int64_t multiple) {
  if (size.rows * size.columns * size.inner < least_operations) return std::max<int64_t>(axis, 1);
  int64_t length = (axis + parts - 1) / parts;
  return std::max((length + multiple - 1) / multiple * multiple, 2 * multiple);
}

/// Many terms for few sums: each part of the inner axis gets sums of its own, which are added in order. Parts
/// are cut by columns too, for threads that end at the same time.
template <class T>
void product_by_inner(ProductSize size, Left<T> a, Rows<const T> b, T* y) {
  constexpr int64_t least_columns = 4 * tile_vectors * lanes<T>;
  int64_t sums = size.rows * size.columns, blocks = (size.inner + inner_block - 1) / inner_block;
  int64_t parts = std::min(blocks, parts_of_inner);
  if (sums * size.inner < least_operations) parts = 1;
  int64_t cuts = (size.columns + least_columns - 1) / least_columns;
  Storage scratch(static_cast<size_t>(parts * sums) * sizeof(T), Device::cpu());
  T* partial = reinterpret_cast<T*>(scratch.data);
  parallel_for(parts * cuts, 1, [=](int64_t task, int64_t /*end*/) {
    int64_t part = task / cuts, column = task % cuts * least_columns;
    int64_t columns = std::min(least_columns, size.columns - column);
    int64_t begin = blocks * part / parts * inner_block;
    int64_t end = std::min(blocks * (part + 1) / parts * inner_block, size.inner);
    product_of_blocks<T>({size.rows, columns, end - begin}, a.at(0, begin),
                         {b.data + begin * b.step + column, b.step},
                         {partial + part * sums + column, size.columns});
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
                 product_of_blocks<T>({end - begin, size.columns, size.inner}, a.at(begin, 0), b,
                                      {y + begin * size.columns, size.columns});
               });
}

bool has_many_terms(ProductSize size) {
  return size.inner >= 1024 && size.inner > 2 * size.rows;
}

template <class T>
void product_of(ProductSize size, Left<T> a, Rows<const T> b, T* y) {
  if (size.inner == 0)
    std::fill_n(y, size.rows * size.columns, T(0));
  else if (has_many_terms(size))
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

template <class T>
void product_transposed_a(ProductSize size, const T* a, const T* b, const GradientTaker& taker) {
  if (size.inner == 0 || has_many_terms(size)) {
    Storage whole(static_cast<size_t>(size.rows * size.columns) * sizeof(T), Device::cpu());
    T* y = reinterpret_cast<T*>(whole.data);
    product_transposed_a(size, a, b, y);
    return take_range(taker, 0, size.rows * size.columns, y, sizeof(T));
  }
  constexpr int64_t strip_elements = 1 << 12;  // stay in the nearest cache
  int64_t strip = std::max(strip_elements / size.columns / tile_rows, int64_t{1}) * tile_rows;
  parallel_for(size.rows, part_length(size, size.rows, most_parts, strip), [&](int64_t begin, int64_t end) {
    Storage scratch(static_cast<size_t>(strip * size.columns) * sizeof(T), Device::cpu());
    T* y = reinterpret_cast<T*>(scratch.data);
    for (int64_t row = begin; row < end; row += strip) {
      int64_t rows = std::min(strip, end - row);
      Ahead ahead(taker.buffers, row * size.columns * sizeof(T), rows * size.columns * sizeof(T),
                  tiles_of<T>({rows, size.columns, size.inner}));
      product_of_blocks<T>({rows, size.columns, size.inner}, {a + row, 1, size.rows}, {b, size.columns},
                           {y, size.columns}, &ahead);
      taker.take(row * size.columns, rows * size.columns, y);
    }
  });
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
template void product_transposed_a(ProductSize, const float*, const float*, const GradientTaker&);
template void product_transposed_a(ProductSize, const double*, const double*, const GradientTaker&);
template void product_transposed_b(ProductSize, const float*, const float*, float*);
template void product_transposed_b(ProductSize, const double*, const double*, double*);

}  // namespace manul::cpu
