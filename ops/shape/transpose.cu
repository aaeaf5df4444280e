#include "manul/framework/cuda/launch.h"
#include "manul/ops/shape/transpose.h"

namespace manul::cuda {
namespace {

constexpr int tile = 32, tile_rows = 8;
constexpr unsigned most_blocks = 32768;  // along the second and third axis of a grid

/// Through shared memory, so that reads and writes both run along memory.
template <class T>
__global__ void transpose_tiles(const T* x, int64_t matrices, int64_t rows, int64_t columns, T* y) {
  begin_kernel();
  __shared__ T values[tile][tile + 1];
  int along = threadIdx.x % tile, across = threadIdx.x / tile;
  int64_t left = int64_t{blockIdx.x} * tile;
  for (int64_t matrix = blockIdx.z; matrix < matrices; matrix += gridDim.z) {
    const T* from = x + matrix * rows * columns;
    T* to = y + matrix * rows * columns;
    for (int64_t top = int64_t{blockIdx.y} * tile; top < rows; top += int64_t{gridDim.y} * tile) {
      for (int i = across; i < tile; i += tile_rows)
        if (top + i < rows && left + along < columns)
          values[i][along] = from[(top + i) * columns + left + along];
      __syncthreads();
      for (int i = across; i < tile; i += tile_rows)
        if (left + i < columns && top + along < rows) to[(left + i) * rows + top + along] = values[along][i];
      __syncthreads();
    }
  }
}

}  // namespace

void transpose(const Tensor& x, const Tensor& y) {
  visit_bits(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    int64_t matrices = x.shape()[0], rows = x.shape()[1], columns = x.shape()[2];
    dim3 grid(blocks_for(columns, tile), std::min(blocks_for(rows, tile), most_blocks),
              static_cast<unsigned>(std::min<int64_t>(matrices, most_blocks)));
    launch(context_of(x), transpose_tiles<T>, grid, tile * tile_rows, x.bits<T>(), matrices, rows, columns,
           y.mutable_bits<T>());
  });
}

}  // namespace manul::cuda
