#include "manul/framework/cpu/product.h"

#include <algorithm>

#include "manul/framework/cpu/block_product.h"
#include "manul/framework/cpu/general_product.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/take_range.h"
#include "manul/framework/cpu/transpose.h"
#include "manul/framework/memory.h"

namespace manul::cpu {
namespace {

using namespace blocked;

/// How a product is cut for the threads: by the sizes alone.
constexpr int64_t most_parts = 32, parts_of_inner = 8, least_operations = 1 << 16;

int64_t part_length(ProductSize size, int64_t axis, int64_t parts, int64_t multiple) {
  if (size.rows * size.columns * size.inner < least_operations) return std::max<int64_t>(axis, 1);
  int64_t length = (axis + parts - 1) / parts;
  return std::max((length + multiple - 1) / multiple * multiple, 2 * multiple);
}

/// Whether the tiles were faster than Eigen for rows of y of this length: at least two vectors, and few lanes
/// that are wasted on the last one.
template <class T>
bool fills_tiles(int64_t columns) {
  return columns >= 2 * lanes<T> && (columns % lanes<T> == 0 || columns >= 8 * lanes<T>);
}

template <class T>
Left<T> left_of(Matrix<T> a) {
  return {a.data, a.transposed ? 1 : a.step, a.transposed ? a.step : 1};
}

bool has_many_terms(ProductSize size) {
  return size.inner >= 1024 && size.inner > 2 * size.rows;
}

/// Sums of parts of the inner axis, for a product of many terms, each with memory of its own.
template <class T>
class PartialSums {
 public:
  explicit PartialSums(ProductSize size)
      : sums_(size.rows * size.columns),
        inner_(size.inner),
        blocks_((inner_ + inner_block - 1) / inner_block),
        parts_(sums_ * inner_ < least_operations ? 1 : std::min(blocks_, parts_of_inner)),
        memory_(static_cast<size_t>(parts_ * sums_) * sizeof(T), Device::cpu()) {}
  int64_t begin(int64_t part) const { return std::min(blocks_ * part / parts_ * inner_block, inner_); }
  int64_t end(int64_t part) const { return begin(part + 1); }
  T* of(int64_t part) const { return reinterpret_cast<T*>(memory_.data) + part * sums_; }

  void add_up(T* y) const {
    parallel_for(sums_, 2048, [this, y](int64_t begin, int64_t end) {
      std::copy(of(0) + begin, of(0) + end, y + begin);
      for (int64_t part = 1; part < parts_; ++part)
        for (int64_t i = begin; i < end; ++i) y[i] += of(part)[i];
    });
  }

  int64_t count() const { return parts_; }

 private:
  int64_t sums_, inner_, blocks_, parts_;
  Storage memory_;
};

/// Many terms for few sums: each part of the inner axis gets sums of its own, which are added in order. Parts
/// are cut by columns too, unless each thread has several and reads b only once: then in one stream.
template <class T>
void product_by_inner(ProductSize size, Left<T> a, Rows<const T> b, T* y) {
  constexpr int64_t least_columns = 4 * tile_vectors * lanes<T>;
  PartialSums<T> sums(size);
  bool whole = sums.count() >= int64_t{4} * threads() && size.rows <= most_row_block;
  const int64_t width = whole ? size.columns : least_columns, cuts = (size.columns + width - 1) / width;
  parallel_for(sums.count() * cuts, 1, [&, a, b, width, cuts](int64_t task, int64_t /*end*/) {
    int64_t part = task / cuts, column = task % cuts * width;
    int64_t columns = std::min(width, size.columns - column), begin = sums.begin(part), end = sums.end(part);
    // The next task: the same rows of b, or those of the next part.
    int64_t next_column = column + width < size.columns ? column + width : 0;
    int64_t next = next_column > 0 ? begin : end;
    Operands<T> following;
    if (next < size.inner) following = {a.at(0, next), {b.data + next * b.step + next_column, b.step}};
    Ahead ahead;
    product_of_blocks<T>({size.rows, columns, end - begin}, a.at(0, begin),
                         {b.data + begin * b.step + column, b.step}, {sums.of(part) + column, size.columns},
                         ahead, following);
  });
  sums.add_up(y);
}

template <class T>
void product_by_rows(ProductSize size, Left<T> a, Rows<const T> b, T* y) {
  parallel_for(size.rows, part_length(size, size.rows, most_parts, tile_rows),
               [=](int64_t begin, int64_t end) {
                 Ahead ahead;
                 product_of_blocks<T>({end - begin, size.columns, size.inner}, a.at(begin, 0), b,
                                      {y + begin * size.columns, size.columns}, ahead);
               });
}

/// A product that no tile serves: by Eigen, in parts of the inner axis, of the rows or of the columns.
template <class T>
void general_product_in_parts(ProductSize size, Matrix<T> a, Matrix<T> b, T* y) {
  auto [rows, columns, inner] = size;
  if (has_many_terms(size)) {
    PartialSums<T> sums(size);
    parallel_for(sums.count(), 1, [&, rows = rows, columns = columns](int64_t part, int64_t /*end*/) {
      int64_t begin = sums.begin(part);
      general_product({rows, columns, sums.end(part) - begin}, a.from(0, begin), b.from(begin, 0),
                      sums.of(part), columns);
    });
    return sums.add_up(y);
  }
  constexpr int64_t parts = 16;
  if (rows >= columns)
    parallel_for(
        rows, part_length(size, rows, parts, 8),
        [=, columns = columns, inner = inner](int64_t begin, int64_t end) {
          general_product({end - begin, columns, inner}, a.from(begin, 0), b, y + begin * columns, columns);
        });
  else
    parallel_for(columns, part_length(size, columns, parts, 3 * lanes<T>),
                 [=, rows = rows, columns = columns, inner = inner](int64_t begin, int64_t end) {
                   general_product({rows, end - begin, inner}, a, b.from(0, begin), y + begin, columns);
                 });
}

/// y = a · b for a `b` that is not transposed.
template <class T>
void product_of(ProductSize size, Matrix<T> a, const T* b, T* y) {
  if (size.inner == 0 || !fills_tiles<T>(size.columns))
    general_product_in_parts<T>(size, a, {b, size.columns}, y);
  else if (has_many_terms(size))
    product_by_inner<T>(size, left_of(a), {b, size.columns}, y);
  else
    product_by_rows<T>(size, left_of(a), {b, size.columns}, y);
}

/// Rows of y that are made before they are handed over: they stay in the nearest cache.
int64_t strip_of_rows(int64_t columns) {
  constexpr int64_t elements = 3 << 9;
  return std::max(elements / columns / tile_rows, int64_t{1}) * tile_rows;
}

/// Rows [begin, end) of aᵀ · b go to `taker`.
template <class T>
void hand_over_rows(ProductSize size, const T* a, const T* b, const GradientTaker& taker, int64_t begin,
                    int64_t end) {
  int64_t strip = strip_of_rows(size.columns);
  Storage scratch(static_cast<size_t>(strip * size.columns) * sizeof(T), Device::cpu());
  T* y = reinterpret_cast<T*>(scratch.data);
  Ahead ahead;
  for (int64_t row = begin; row < end; row += strip) {
    int64_t rows = std::min(strip, end - row);
    int64_t elements = rows * size.columns, offset = row * size.columns;
    for (const void* buffer : taker.buffers)
      ahead.add(static_cast<const char*>(buffer) + offset * sizeof(T), 1, elements * sizeof(T), 0);
    product_of_blocks<T>({rows, size.columns, size.inner}, {a + row, 1, size.rows}, {b, size.columns},
                         {y, size.columns}, ahead, {{a + row + rows, 1, size.rows}, {}});
    taker.take(offset, elements, y);
  }
}

/// y = a · bᵀ for few rows, by columns: yᵀ = b · aᵀ. The rows of b are read along the inner axis, as the
/// tiles want; a and the tiles of yᵀ, the small ones where b is a layer's weights, are transposed.
template <class T>
class ProductByColumns {
 public:
  static constexpr int64_t most_rows = 512, strip = 256;

  ProductByColumns(ProductSize size, const T* a, const T* b, T* y)
      : size_(size), b_(b), y_(y), memory_(size.rows * size.inner * sizeof(T), Device::cpu()) {
    transpose_block(size.rows, size.inner, a, size.inner, turned(), size.rows);
  }

  void columns(int64_t begin, int64_t end) {
    Storage memory(static_cast<size_t>(strip * size_.rows) * sizeof(T), Device::cpu());
    T* part = reinterpret_cast<T*>(memory.data);
    Ahead ahead;
    for (int64_t column = begin; column < end; column += strip) {
      int64_t count = std::min(strip, end - column);
      product_of_blocks<T>({count, size_.rows, size_.inner}, {b_ + column * size_.inner, size_.inner, 1},
                           {turned(), size_.rows}, {part, size_.rows}, ahead);
      transpose_block(count, size_.rows, part, size_.rows, y_ + column, size_.columns);
    }
  }

 private:
  T* turned() { return reinterpret_cast<T*>(memory_.data); }

  ProductSize size_;
  const T* b_;
  T* y_;
  Storage memory_;
};

/// Whether y = a · bᵀ by columns was faster than Eigen.
template <class T>
bool fills_tiles_by_columns(ProductSize size) {
  return fills_tiles<T>(size.rows) && size.columns >= 2 * lanes<T> && size.inner >= 4 * lanes<T>;
}

}  // namespace

template <class T>
void product(ProductSize size, const T* a, const T* b, T* y) {
  product_of<T>(size, {a, size.inner}, b, y);
}

template <class T>
void product_transposed_a(ProductSize size, const T* a, const T* b, T* y) {
  product_of<T>(size, {a, size.rows, true}, b, y);
}

template <class T>
void product_transposed_a(ProductSize size, const T* a, const T* b, const GradientTaker& taker) {
  if (size.inner > 0 && !has_many_terms(size) && fills_tiles<T>(size.columns))
    return parallel_for(size.rows, part_length(size, size.rows, most_parts, strip_of_rows(size.columns)),
                        [&](int64_t begin, int64_t end) { hand_over_rows(size, a, b, taker, begin, end); });
  Storage whole(static_cast<size_t>(size.rows * size.columns) * sizeof(T), Device::cpu());
  T* y = reinterpret_cast<T*>(whole.data);
  product_transposed_a(size, a, b, y);
  take_range(taker, 0, size.rows * size.columns, y, sizeof(T));
}

template <class T>
void product_transposed_b(ProductSize size, const T* a, const T* b, T* y) {
  if (fills_tiles_by_columns<T>(size)) {
    constexpr int64_t most_rows = ProductByColumns<T>::most_rows;
    for (int64_t first = 0; first < size.rows; first += most_rows) {
      int64_t rows = std::min(most_rows, size.rows - first);
      ProductByColumns<T> by_columns({rows, size.columns, size.inner}, a + first * size.inner, b,
                                     y + first * size.columns);
      parallel_for(size.columns, part_length({size.columns, rows, size.inner}, size.columns, most_parts, 32),
                   [&](int64_t begin, int64_t end) { by_columns.columns(begin, end); });
    }
    return;
  }
  general_product_in_parts<T>(size, {a, size.inner}, {b, size.inner, true}, y);
}

template <class T>
void dense_gradients(ProductSize size, const T* x, const T* dz, const T* w, T* dx,
                     const GradientTaker& taker) {
  auto [batch, inputs, units] = size;
  ProductSize kernel_size{inputs, units, batch};
  if (fills_tiles_by_columns<T>(size) && fills_tiles<T>(units) && batch <= ProductByColumns<T>::most_rows &&
      !has_many_terms(kernel_size)) {
    ProductByColumns<T> by_columns(size, dz, w, dx);
    int64_t strip = strip_of_rows(units), strips = std::max(ProductByColumns<T>::strip / strip, int64_t{1});
    return parallel_for(inputs, part_length(kernel_size, inputs, most_parts, strip),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t row = begin; row < end; row += strips * strip) {
                            int64_t last = std::min(row + strips * strip, end);
                            by_columns.columns(row, last);
                            hand_over_rows(kernel_size, x, dz, taker, row, last);
                          }
                        });
  }
  product_transposed_b(size, dz, w, dx);
  product_transposed_a(kernel_size, x, dz, taker);
}

template <class T>
void product_on_thread(ProductSize size, Left<T> a, Rows<const T> b, Rows<T> y, bool add, Series series,
                       Ahead* besides) {
  Ahead own;
  Ahead& ahead = besides ? *besides : own;
  const bool one_tile = size.rows <= tile_rows && size.columns <= tile_vectors * lanes<T> &&
                        size.columns % lanes<T> == 0 && size.inner <= inner_block;
  if (one_tile) {
    ahead.add(b.data + series.b_next, series.count - 1, size.inner * size.columns * sizeof(T),
              series.b_next * sizeof(T));
    ahead.spread(series.count);
    return tiles_of<T>(size.rows, size.columns / lanes<T>,
                       {series.count, size.inner, a, b, y, add, series.y_is_far, &ahead, series.a_next,
                        series.b_next, series.y_next});
  }
  for (int64_t i = 0; i < series.count; ++i) {
    const Left<T> next_a{a.data + series.a_next, a.row_step, a.inner_step};
    const Rows<const T> next_b{b.data + series.b_next, b.step};
    Operands<T> following;
    if (i + 1 < series.count) following = {series.a_is_near ? Left<T>{} : next_a, next_b};
    product_of_blocks<T>(size, a, b, y, ahead, following, add, series.y_is_far);
    a = next_a;
    b = next_b;
    y.data += series.y_next;
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
template void dense_gradients(ProductSize, const float*, const float*, const float*, float*,
                              const GradientTaker&);
template void dense_gradients(ProductSize, const double*, const double*, const double*, double*,
                              const GradientTaker&);
template void product_on_thread(ProductSize, Left<float>, Rows<const float>, Rows<float>, bool, Series,
                                Ahead*);
template void product_on_thread(ProductSize, Left<double>, Rows<const double>, Rows<double>, bool, Series,
                                Ahead*);

}  // namespace manul::cpu
