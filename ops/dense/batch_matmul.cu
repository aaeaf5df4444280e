#include "manul/ops/dense/batch_matmul.h"

#include "manul/framework/cuda/blas.h"
#include "manul/ops/dense/batch_product_cuda.h"

namespace manul::cuda {
namespace {

/// A batch of [rows, columns] that lie one behind the other.
template <class T>
Batch<T> dense_batch(T* data, int64_t rows, int64_t columns) {
  return {data, rows * columns, columns, 1};
}

}  // namespace

void batch_matmul(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y) {
  if (y.dtype() == DType::bf16) {
    bool is_there = y.elements() > 0 && a.elements() > 0;
    if (!is_there ||
        !blas_product(a, transpose == Transpose::a, b, transpose == Transpose::b, Epilogue::none, {}, y))
      call_in_f32(batch_matmul, a, b, transpose, y);
    return;
  }
  if (y.elements() == 0) return;
  bool across_a = transpose == Transpose::a, across_b = transpose == Transpose::b;
  int64_t count = y.shape()[0], rows = y.shape()[1], columns = y.shape()[2],
          inner = a.shape()[across_a ? 1 : 2];
  visit_float(a.dtype(), "matmul", [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, float>)
      if (rows * columns * inner >= least_for_blas &&
          blas_product(a, across_a, b, across_b, Epilogue::none, {}, y))
        return;
    auto left = dense_batch(a.data<T>(), a.shape()[1], a.shape()[2]);
    auto right = dense_batch(b.data<T>(), b.shape()[1], b.shape()[2]);
    batch_product(context_of(y), count, rows, columns, inner, T(1), across_a ? left.transposed() : left,
                  across_b ? right.transposed() : right, dense_batch(y.mutable_data<T>(), rows, columns));
  });
}

}  // namespace manul::cuda
