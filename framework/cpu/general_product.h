#pragma once

#include "manul/framework/cpu/product.h"

namespace manul::cpu {

/// A matrix as it lies in memory: rows of contiguous elements, `step` apart, or, if `transposed`, columns.
template <class T>
struct Matrix {
  const T* data;
  int64_t step;
  bool transposed = false;

  const T* at(int64_t row, int64_t column) const {
    return transposed ? data + column * step + row : data + row * step + column;
  }
  /// What begins at this element.
  Matrix from(int64_t row, int64_t column) const { return {at(row, column), step, transposed}; }
};

/// y [rows, columns] = a · b by Eigen, on the calling thread, for matrices that lie in any way; rows of y are
/// `y_step` apart. The order of the terms of an element depends on its column, `columns` and `inner` alone:
/// neither on other rows nor on addresses nor on the caches of the processor.
template <class T>
void general_product(ProductSize size, Matrix<T> a, Matrix<T> b, T* y, int64_t y_step);

}  // namespace manul::cpu
