#include "framework/cuda/column_sums.h"
#include "ops/conv_window.h"
#include "ops/conv_window_stages.h"

namespace manul::cuda {
namespace {

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

/// The gradient of what one pixel's winner saw, for one filter.
struct WinnerGradient {
  float gradient = 0;
  int code = 0;
};

/// Block (x: stages, y: `lanes` filters) adds the gradients of its pixels; a lane has a filter, a warp 32 /
/// lanes pixels. With `counters`, the last block of these filters adds what all blocks have.
template <class Window, int lanes>
__global__ void __launch_bounds__(window_threads, 3)
    backward_window(const float* x, const uint8_t* winner, const float* dpooled, ConvPoolGeometry g,
                    Stages stages, Partial partial, uint32_t* counters) {
  begin_kernel();
  constexpr int sums = Window::taps + 1, slots = window_threads / lanes;
  float *memory = dynamic_shared<float>(), *rows = memory, *next_rows = rows + stages.floats;
  int stage = blockIdx.x, slot = threadIdx.x / lanes;
  start_stage(x, g, stages, stage, rows);
  commit_copies();
  int filters = static_cast<int>(g.filters), filter = blockIdx.y * lanes + threadIdx.x % lanes;
  bool inside = filter < filters;
  PixelWalk start(slot, slots, stages.pooled_width);
  float sum[sums];
#pragma unroll
  for (float& value : sum) value = 0;
  for (; stage < stages.count; stage += gridDim.x) {
    int pixels = stages.rows(stage) * stages.pooled_width;
    int64_t from = (int64_t{stages.row(stage)} * stages.pooled_width + slot) * filters + filter;
    auto read = [&](int pixel, int64_t at) {
      WinnerGradient read;
      if (inside && pixel < pixels) {
        read = {dpooled[at], winner[at]};
        if (read.code == cut) read = {};
      }
      return read;
    };
    WinnerGradient next = read(slot, from);
    wait_for_copies<0>();
    __syncthreads();
    if (stage + gridDim.x < stages.count) start_stage(x, g, stages, stage + gridDim.x, next_rows);
    commit_copies();
    PixelWalk walk = start;
    for (int pixel = slot; pixel < pixels; pixel += slots, walk.next()) {
      WinnerGradient won = next;
      from += int64_t{slots} * filters;
      next = read(pixel + slots, from);
      const float* window = rows +
                            2 * Window::stride * (walk.row * stages.pitch + walk.column * Window::channels) +
                            (won.code / 2 * stages.pitch + won.code % 2 * Window::channels) * Window::stride;
#pragma unroll
      for (int ky = 0; ky < Window::kernel; ++ky)
#pragma unroll
        for (int k = 0; k < Window::run; ++k)
          sum[ky * Window::run + k] =
              fmaf(won.gradient, window[ky * stages.pitch + k], sum[ky * Window::run + k]);
      sum[Window::taps] += won.gradient;
    }
    float* used = rows;
    rows = next_rows;
    next_rows = used;
  }
  __syncthreads();
#pragma unroll
  for (int s = 0; s < sums; ++s) {
    float total = sum[s];
#pragma unroll
    for (int distance = 16; distance >= lanes; distance /= 2)
      total += __shfl_xor_sync(0xffffffffu, total, distance);
    if (threadIdx.x % 32 < lanes) memory[(threadIdx.x / 32 * sums + s) * lanes + threadIdx.x % 32] = total;
  }
  __syncthreads();
  float* to = partial.data + partial.at(blockIdx.y, blockIdx.x);
  for (int i = threadIdx.x; i < sums * lanes; i += window_threads) {
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < backward_warps; ++warp) total += memory[warp * sums * lanes + i];
    to[i] = total;
  }
  if (!counters || !is_last_block(counters + blockIdx.y, gridDim.x)) return;
  const float* parts = partial.data + partial.at(blockIdx.y, 0);
  int blocks = static_cast<int>(gridDim.x);
  for (int i = threadIdx.x; i < sums * lanes; i += window_threads) {
    constexpr int at_once = 32;  // the memory is far, and the block is alone
    double total = 0;
    for (int block = 0; block < blocks; block += at_once) {
      float read[at_once];
#pragma unroll
      for (int j = 0; j < at_once; ++j)
        read[j] = block + j < blocks ? __ldcg(parts + (block + j) * sums * lanes + i) : 0.0f;
#pragma unroll
      for (int j = 0; j < at_once; ++j) total += static_cast<double>(read[j]);
    }
    partial.finish(blockIdx.y, i, total);
  }
}

/// The gradients of `g`'s window; `lanes` filters a block.
template <class Window, int lanes>
void backward_by(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const ConvPoolGeometry& g,
                 const StoreGradients& store) {
  const Context& context = context_of(x);
  constexpr int sums = Window::taps + 1;
  unsigned tiles = blocks_for(g.filters, lanes);
  // With few pixels the last block adds the sums of all: as many blocks as it can add fast.
  constexpr bool few = lanes < 32;
  Stages stages = cut_stages(g, window_threads / lanes,
                             few ? context.multiprocessors() / tiles : 4 * context.multiprocessors());
  size_t bytes = std::max<size_t>(2 * stages.floats, backward_warps * sums * lanes) * sizeof(float);
  auto kernel = backward_window<Window, lanes>;
  int64_t most = few ? std::max<int64_t>(2 * context.multiprocessors() / tiles, 1)
                     : blocks_at_once(context, kernel, window_threads, bytes);
  dim3 grid(std::min<int64_t>(stages.count, most), tiles);
  Tensor sums_of_blocks = Tensor::empty({int64_t{grid.x} * tiles, sums * lanes}, DType::f32, x.device());
  Partial partial{sums_of_blocks.mutable_data<float>(), grid.x, g.filters, lanes, sums, store};
  launch_with_shared(context, kernel, grid, window_threads, bytes, x.data<float>(), winner.data<uint8_t>(),
                     dpooled.data<float>(), g, stages, partial, few ? context.counters() : nullptr);
  if (!few) column_sums<double>(x, grid.x, int64_t{tiles} * sums * lanes, partial, partial);
}

}  // namespace

bool window_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const WindowGeometry& conv,
                     const Tensor& dkernel, const Tensor& dbias) {
  ConvPoolGeometry g = conv_pool_geometry(conv, dpooled.shape()[3]);
  StoreGradients store{g.taps(), mutable_data_or_null<float>(dkernel), mutable_data_or_null<float>(dbias)};
  constexpr int64_t most_few_pixels = 8192;
  return fits_windows(x, g) && with_window(g, [&](auto window) {
           if (g.batch * g.pooled_height * g.pooled_width <= most_few_pixels)
             backward_by<decltype(window), 8>(x, winner, dpooled, g, store);
           else
             backward_by<decltype(window), 32>(x, winner, dpooled, g, store);
         });
}

}  // namespace manul::cuda
