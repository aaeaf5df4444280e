#pragma once

#include "manul/framework/cuda/column_sums.h"
#include "manul/ops/fused/conv_window_stages.h"

// What the backward kernels of conv_window_backward.cu and conv_window_backward_tf32.cu share: each block has
// the sums of its pixels, and these are added.
namespace manul::cuda {

/// Where the gradients go: sum s of filter f, the bias last.
struct StoreGradients {
  int taps;
  float *dkernel, *dbias;
  __device__ void operator()(int64_t f, int s, double sum) const {
    if (s == taps) {
      if (dbias) dbias[f] = static_cast<float>(sum);
    } else if (dkernel) {
      dkernel[f * taps + s] = static_cast<float>(sum);
    }
  }
};

/// Sums of all blocks, [filters / lanes][blocks][taps + 1][lanes].
struct Partial {
  float* data;
  int64_t blocks, filters;
  int lanes, sums;
  StoreGradients store;
  __device__ int64_t at(int64_t tile, int64_t block) const { return (tile * blocks + block) * lanes * sums; }
  // For column_sums: a block a row, all sums of all filters in a line.
  __device__ double operator()(int64_t block, int64_t column) const {
    return static_cast<double>(data[at(column / (lanes * sums), block) + column % (lanes * sums)]);
  }
  __device__ void operator()(int64_t column, double sum) const {
    finish(column / (lanes * sums), static_cast<int>(column % (lanes * sums)), sum);
  }
  __device__ void finish(int64_t tile, int place, double sum) const {
    int64_t f = tile * lanes + place % lanes;
    if (f < filters) store(f, place / lanes, sum);
  }
};

constexpr int backward_warps = window_threads / 32;

/// totals[i] = the sum over the warps of memory[warp][i], for i of [0, count).
__device__ inline void add_warps(const float* memory, float* totals, int count) {
  __syncthreads();
  for (int i = threadIdx.x; i < count; i += window_threads) {
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < backward_warps; ++warp) total += memory[warp * count + i];
    totals[i] = total;
  }
}

}  // namespace manul::cuda
