#include "manul/ops/dense/batch_matmul.h"

#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

/// A batch of matrices: element (row, column) of matrix i.
template <class T>
struct Batch {
  const T* data;
  int64_t step, row_step, column_step;
  __device__ T at(int64_t i, int64_t row, int64_t column) const {
    return data[i * step + row * row_step + column * column_step];
  }
};

constexpr int side = 16;

/// A block makes a tile of side x side elements of one product.
template <class T>
__global__ void __launch_bounds__(side* side)
    batch_kernel(int64_t rows, int64_t columns, int64_t inner, Batch<T> a, Batch<T> b, T* y) {
  begin_kernel();
  __shared__ T left[side][side + 1], right[side][side + 1];
  int across = threadIdx.x % side, down = threadIdx.x / side;
  int64_t i = blockIdx.z, row = int64_t{blockIdx.y} * side + down,
          column = int64_t{blockIdx.x} * side + across;
  T sum = 0;
  for (int64_t k = 0; k < inner; k += side) {
    left[down][across] = row < rows && k + across < inner ? a.at(i, row, k + across) : T(0);
    right[down][across] = k + down < inner && column < columns ? b.at(i, k + down, column) : T(0);
    __syncthreads();
    for (int step = 0; step < side; ++step) sum += left[down][step] * right[step][across];
    __syncthreads();
  }
  if (row < rows && column < columns) y[(i * rows + row) * columns + column] = sum;
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
  constexpr int64_t least_for_blas = int64_t{1} << 18;  // operations a product
  visit_float(a.dtype(), "matmul", [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, float>)
      if (rows * columns * inner >= least_for_blas &&
          blas_product(a, across_a, b, across_b, Epilogue::none, {}, y))
        return;
    Batch<T> left{a.data<T>(), rows * inner, across_a ? 1 : inner, across_a ? rows : 1};
    Batch<T> right{b.data<T>(), inner * columns, across_b ? 1 : columns, across_b ? inner : 1};
    T* to = y.mutable_data<T>();
    constexpr int64_t most_at_once = 32768;  // along the third axis of a grid
    for (int64_t done = 0; done < count; done += most_at_once) {
      dim3 grid(blocks_for(columns, side), blocks_for(rows, side),
                static_cast<unsigned>(std::min(count - done, most_at_once)));
      launch(context_of(y), batch_kernel<T>, grid, side * side, rows, columns, inner,
             Batch<T>{left.data + done * left.step, left.step, left.row_step, left.column_step},
             Batch<T>{right.data + done * right.step, right.step, right.row_step, right.column_step},
             to + done * rows * columns);
    }
  });
}

}  // namespace manul::cuda
