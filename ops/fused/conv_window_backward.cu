#include "manul/ops/fused/conv_window.h"
#include "manul/ops/fused/conv_window_gradients.h"

namespace manul::cuda {
namespace {

/// Pixels that a lane works on at the same time.
constexpr int pixels_at_once = 2;

/// The gradient of what one pixel's winner saw, for one filter.
struct WinnerGradient {
  float gradient = 0;
  int code = 0;
};

/// Adds to `sum` what the pixels of a block's stages give to one filter: a lane has a filter, a warp 32 /
/// lanes pixels. Begins the kernel.
template <class Window, int lanes>
__device__ void add_pixels(const float* x, const uint8_t* winner, const float* dpooled,
                           const ConvPoolGeometry& g, const Stages& stages, int filter,
                           float (&sum)[Window::taps + 1]) {
  constexpr int slots = window_threads / lanes;
  float *rows = dynamic_shared<float>(), *next_rows = rows + stages.floats;
  int stage = blockIdx.x, slot = threadIdx.x / lanes, filters = static_cast<int>(g.filters);
  begin_with_stage(x, g, stages, stage, rows);
  bool inside = filter < filters;
  PixelWalk start(slot, slots, stages.pooled_width);
  for (; stage < stages.count; stage += gridDim.x) {
    int pixels = stages.rows(stage) * stages.pooled_width;
    int64_t first = (int64_t{stages.row(stage)} * stages.pooled_width + slot) * filters + filter;
    const float* gradients = dpooled + first;
    const uint8_t* codes = winner + first;
    auto read = [&](int pixel) {
      WinnerGradient read;
      if (inside && pixel < pixels) {
        read = {*gradients, *codes};
        if (read.code == cut) read = {};
      }
      gradients += slots * filters;
      codes += slots * filters;
      return read;
    };
    WinnerGradient next[pixels_at_once];
#pragma unroll
    for (int i = 0; i < pixels_at_once; ++i) next[i] = read(slot + i * slots);
    wait_for_copies<0>();
    __syncthreads();
    if (stage + gridDim.x < stages.count) start_stage(x, g, stages, stage + gridDim.x, next_rows);
    commit_copies();
    PixelWalk walk = start;
    for (int pixel = slot; pixel < pixels; pixel += pixels_at_once * slots) {
      float gradient[pixels_at_once];
      const float* window[pixels_at_once];
#pragma unroll
      for (int i = 0; i < pixels_at_once; ++i) {
        WinnerGradient won = next[i];
        gradient[i] = won.gradient;
        int patch = 2 * Window::stride * (walk.row * stages.pitch + walk.column * Window::channels),
            position = (won.code / 2 * stages.pitch + won.code % 2 * Window::channels) * Window::stride;
        window[i] = rows + (i == 0 || pixel + i * slots < pixels ? patch + position : 0);
        next[i] = read(pixel + (pixels_at_once + i) * slots);
        walk.next();
      }
#pragma unroll
      for (int ky = 0; ky < Window::kernel; ++ky)
#pragma unroll
        for (int k = 0; k < Window::run; ++k)
#pragma unroll
          for (int i = 0; i < pixels_at_once; ++i)
            sum[ky * Window::run + k] =
                fmaf(gradient[i], window[i][ky * stages.pitch + k], sum[ky * Window::run + k]);
#pragma unroll
      for (int i = 0; i < pixels_at_once; ++i) sum[Window::taps] += gradient[i];
    }
    float* used = rows;
    rows = next_rows;
    next_rows = used;
  }
}

/// The sums of all lanes and warps of the block that have the same filter, to totals[sum][lane].
template <int lanes, int sums>
__device__ void add_lanes(float* memory, float* totals, const float (&sum)[sums]) {
#pragma unroll
  for (int s = 0; s < sums; ++s) {
    float total = sum[s];
#pragma unroll
    for (int distance = 16; distance >= lanes; distance /= 2)
      total += __shfl_xor_sync(0xffffffffu, total, distance);
    if (threadIdx.x % 32 < lanes) memory[(threadIdx.x / 32 * sums + s) * lanes + threadIdx.x % 32] = total;
  }
  add_warps(memory, totals, sums * lanes);
}

/// The sum of values[i * step] over i of [0, count), which other blocks have written.
__device__ inline double sum_of_far(const float* values, int step, int count) {
  constexpr int at_once = 32;
  double total = 0;
  for (int first = 0; first < count; first += at_once) {
    float read[at_once];
#pragma unroll
    for (int j = 0; j < at_once; ++j)
      read[j] = first + j < count ? __ldcg(values + (first + j) * step) : 0.0f;
#pragma unroll
    for (int j = 0; j < at_once; ++j) total += static_cast<double>(read[j]);
  }
  return total;
}

/// Block (x: stages, y: `lanes` filters) adds the gradients of its pixels. With `counters`, the last block of
/// these filters adds what all blocks have.
template <class Window, int lanes>
__global__ void __launch_bounds__(window_threads, window_blocks)
    backward_window(const float* x, const uint8_t* winner, const float* dpooled, ConvPoolGeometry g,
                    Stages stages, Partial partial, uint32_t* counters) {
  constexpr int sums = Window::taps + 1;
  float sum[sums];
#pragma unroll
  for (float& value : sum) value = 0;
  int filter = blockIdx.y * lanes + threadIdx.x % lanes;
  add_pixels<Window, lanes>(x, winner, dpooled, g, stages, filter, sum);
  __syncthreads();
  add_lanes<lanes>(dynamic_shared<float>(), partial.data + partial.at(blockIdx.y, blockIdx.x), sum);
  if (!counters || !is_last_block(counters + blockIdx.y, gridDim.x)) return;
  const float* parts = partial.data + partial.at(blockIdx.y, 0);
  for (int i = threadIdx.x; i < sums * lanes; i += window_threads)
    partial.finish(blockIdx.y, i, sum_of_far(parts + i, sums * lanes, gridDim.x));
}

/// The gradients of `g`'s window; `lanes` filters a block.
template <class Window, int lanes>
void backward_by(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const ConvPoolGeometry& g,
                 const StoreGradients& store) {
  const Context& context = context_of(x);
  constexpr int sums = Window::taps + 1;
  unsigned tiles = blocks_for(g.filters, lanes);
  // With few pictures the last block adds the sums of all: as many blocks as it can add at once.
  constexpr bool few = lanes < 32;
  int64_t blocks = few ? std::clamp<int64_t>(context.multiprocessors() / tiles, 1, 32)
                       : window_blocks * context.multiprocessors();
  Stages stages = cut_stages(g, window_threads / lanes, blocks);
  size_t bytes = std::max<size_t>(2 * stages.floats, backward_warps * sums * lanes) * sizeof(float);
  stages.settled = is_settled(x);
  auto kernel = backward_window<Window, lanes>;
  if (!few) blocks = blocks_at_once(context, kernel, window_threads, bytes);
  dim3 grid(std::min<int64_t>(stages.count, blocks), tiles);
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
  constexpr int64_t most_of_few = 1 << 19;  // elements of the input
  return fits_windows(x, g) && with_window(g, [&](auto window) {
           if (x.elements() <= most_of_few)
             backward_by<decltype(window), 8>(x, winner, dpooled, g, store);
           else
             backward_by<decltype(window), 32>(x, winner, dpooled, g, store);
         });
}

}  // namespace manul::cuda
