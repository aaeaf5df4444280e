#include "framework/cpu/product.h"

#include <algorithm>

#include "framework/cpu/parallel.h"

namespace manul::cpu {
namespace {

constexpr int64_t row_grain = 8;

}  // namespace

template <class T>
void product(ProductSize size, const T* a, const T* b, T* y) {
  parallel_for(size.rows, row_grain, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T* out = y + row * size.columns;
      std::fill_n(out, size.columns, T(0));
      for (int64_t k = 0; k < size.inner; ++k)
        for (int64_t column = 0; column < size.columns; ++column)
          out[column] += a[row * size.inner + k] * b[k * size.columns + column];
    }
  });
}

template <class T>
void product_transposed_a(ProductSize size, const T* a, const T* b, T* y) {
  parallel_for(size.rows, row_grain, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T* out = y + row * size.columns;
      std::fill_n(out, size.columns, T(0));
      for (int64_t k = 0; k < size.inner; ++k)
        for (int64_t column = 0; column < size.columns; ++column)
          out[column] += a[k * size.rows + row] * b[k * size.columns + column];
    }
  });
}

template <class T>
void product_transposed_b(ProductSize size, const T* a, const T* b, T* y) {
  parallel_for(size.rows, row_grain, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t column = 0; column < size.columns; ++column) {
        T sum = 0;
        for (int64_t k = 0; k < size.inner; ++k) sum += a[row * size.inner + k] * b[column * size.inner + k];
        y[row * size.columns + column] = sum;
      }
  });
}

template void product(ProductSize, const float*, const float*, float*);
template void product(ProductSize, const double*, const double*, double*);
template void product_transposed_a(ProductSize, const float*, const float*, float*);
template void product_transposed_a(ProductSize, const double*, const double*, double*);
template void product_transposed_b(ProductSize, const float*, const float*, float*);
template void product_transposed_b(ProductSize, const double*, const double*, double*);

}  // namespace manul::cpu
