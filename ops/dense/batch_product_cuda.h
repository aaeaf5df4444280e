#pragma once

#include "manul/framework/cuda/launch.h"

// Batches of products of matrices that may lie anywhere, for what cuBLAS does not take; for .cu files.
namespace manul::cuda {

/// A batch of matrices: matrix i at i / heads * step + i % heads * head_step, its elements at steps from
/// there.
template <class T>
struct Batch {
  T* data;
  int64_t step, row_step, column_step, heads = 1, head_step = 0;
  __device__ T& at(int64_t i, int64_t row, int64_t column) const {
    int64_t matrix = heads == 1 ? i * step : i / heads * step + i % heads * head_step;
    return data[matrix + row * row_step + column * column_step];
  }
  Batch transposed() const { return {data, step, column_step, row_step, heads, head_step}; }
};

/// Operations of one product from which on cuBLAS is faster.
constexpr int64_t least_for_blas = int64_t{1} << 18;
constexpr int batch_side = 16;

/// A block makes a tile of batch_side x batch_side elements of one product.
template <class T>
__global__ void __launch_bounds__(batch_side* batch_side)
    batch_kernel(int64_t first, int64_t rows, int64_t columns, int64_t inner, T factor, Batch<const T> a,
                 Batch<const T> b, Batch<T> y) {
  begin_kernel();
  constexpr int side = batch_side;
  __shared__ T left[side][side + 1], right[side][side + 1];
  int across = threadIdx.x % side, down = threadIdx.x / side;
  int64_t i = first + blockIdx.z, row = int64_t{blockIdx.y} * side + down,
          column = int64_t{blockIdx.x} * side + across;
  T sum = 0;
  for (int64_t k = 0; k < inner; k += side) {
    left[down][across] = row < rows && k + across < inner ? a.at(i, row, k + across) : T(0);
    right[down][across] = k + down < inner && column < columns ? b.at(i, k + down, column) : T(0);
    __syncthreads();
    for (int step = 0; step < side; ++step) sum += left[down][step] * right[step][across];
    __syncthreads();
  }
  if (row < rows && column < columns) y.at(i, row, column) = factor * sum;
}

/// y[i] = factor * a[i] · b[i] for `count` products of [rows, inner] and [inner, columns].
template <class T>
void batch_product(const Context& context, int64_t count, int64_t rows, int64_t columns, int64_t inner,
                   T factor, const Batch<const T>& a, const Batch<const T>& b, const Batch<T>& y) {
  constexpr int64_t most_at_once = 32768;  // along the third axis of a grid
  for (int64_t done = 0; done < count; done += most_at_once) {
    dim3 grid(blocks_for(columns, batch_side), blocks_for(rows, batch_side),
              static_cast<unsigned>(std::min(count - done, most_at_once)));
    launch(context, batch_kernel<T>, grid, batch_side * batch_side, done, rows, columns, inner, factor, a, b,
           y);
  }
}

}  // namespace manul::cuda
