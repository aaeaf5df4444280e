#include "manul/framework/cuda/product/tensor_core.h"
#include "manul/ops/fused/conv_window.h"
#include "manul/ops/fused/conv_window_gradients.h"

namespace manul::cuda {
namespace {

constexpr int filters_a_row = 4;

/// Whether values of a stage are read so often that they are rounded where they lie, not as they are read.
template <class Window>
constexpr bool rounds_in_place = Window::stride == 1;

template <class Window>
__device__ uint32_t read_tf32(const float* value) {
  return rounds_in_place<Window> ? __float_as_uint(*value) : to_tf32(*value);
}

/// Rounds to TF32 what this thread has copied of a stage.
__device__ void round_stage(const ConvPoolGeometry& g, const Stages& stages, int stage, float* rows) {
  int count = g.rows_below(stages.rows(stage)), warps = blockDim.x / 32;
  for (int row = threadIdx.x / 32; row < count; row += warps)
    for (int i = threadIdx.x % 32; i < stages.length4; i += 32) {
      auto* quad = reinterpret_cast<float4*>(rows + row * stages.pitch + 4 * i);
      float4 value = *quad;
      *quad = {__uint_as_float(to_tf32(value.x)), __uint_as_float(to_tf32(value.y)),
               __uint_as_float(to_tf32(value.z)), __uint_as_float(to_tf32(value.w))};
    }
}

/// The gradients of a pixel's winners for the four filters of a lane.
struct WinnerGradients {
  float4 values{0, 0, 0, 0};
  uint32_t codes = 0x01010101u * cut;  // a byte a filter

  /// The gradient of filter `i`, or 0 where its winner is not the position whose code all bytes of `position`
  /// are.
  __device__ float at(int i, uint32_t position) const {
    float value = i == 0 ? values.x : i == 1 ? values.y : i == 2 ? values.z : values.w;
    return ((codes ^ position) & 0xffu << 8 * i) == 0 ? value : 0.0f;
  }
};

/// The sums of a warp: [tap, filter] in the tiles that the tensor cores give, and the biases. A lane has
/// filters 4 row to 4 row + 3, and of each pooling window the position `column`.
template <class Window>
struct WarpSums {
  static constexpr int tap_tiles = (Window::taps + 7) / 8;
  float sum[2][tap_tiles][4] = {}, bias[filters_a_row] = {};

  /// Adds the gradients of two pixels times what lies under the lane's taps from `patches` on.
  __device__ void add(const WinnerGradients (&pair)[2], int column, const float* const (&taps)[tap_tiles],
                      const int (&patches)[2]) {
    uint32_t b[tap_tiles][2], position = 0x01010101u * column;
#pragma unroll
    for (int tile = 0; tile < tap_tiles; ++tile)
#pragma unroll
      for (int i = 0; i < 2; ++i) b[tile][i] = read_tf32<Window>(taps[tile] + patches[i]);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      uint32_t a[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        float gradient = pair[i / 2].at(2 * half + i % 2, position);
        bias[2 * half + i % 2] += gradient;
        a[i] = to_tf32(gradient);
      }
#pragma unroll
      for (int tile = 0; tile < tap_tiles; ++tile) multiply_add_tf32(sum[half][tile], a, b[tile]);
    }
  }
  /// To [taps + 1][filters_a_block], from the lane's first filter on.
  __device__ void store(float* to, int column) const {
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
      for (int tile = 0; tile < tap_tiles; ++tile)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          int tap = 8 * tile + 2 * column + i % 2;
          if (tap < Window::taps) to[tap * filters_a_block + 2 * half + i / 2] = sum[half][tile][i];
        }
#pragma unroll
    for (int f = 0; f < filters_a_row; ++f) {
      float total = bias[f] + __shfl_xor_sync(0xffffffffu, bias[f], 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      if (column == 0) to[Window::taps * filters_a_block + f] = total;
    }
  }
};

/// Block (x: stages, y: 32 filters), a warp two pixels at a time. The product of the tensor cores is over the
/// positions of their pooling windows: the gradients, zero but for the winner, times what is under the taps.
template <class Window>
__global__ void __launch_bounds__(window_threads, window_blocks)
    backward_window_tf32(const float* x, const uint8_t* winner, const float* dpooled, ConvPoolGeometry g,
                         Stages stages, Partial partial) {
  constexpr int sums = Window::taps + 1, tap_tiles = WarpSums<Window>::tap_tiles, slots = 2 * backward_warps;
  float *memory = dynamic_shared<float>(), *rows = memory, *next_rows = rows + stages.floats;
  int stage = blockIdx.x, warp = threadIdx.x / 32, row = threadIdx.x % 32 / 4, column = threadIdx.x % 4;
  begin_with_stage(x, g, stages, stage, rows);
  int filters = static_cast<int>(g.filters), filter = blockIdx.y * filters_a_block + filters_a_row * row,
      slot = 2 * warp;
  bool inside = filter < filters;
  int offsets[tap_tiles];  // of the tap that the lane reads; what is read behind the last one goes nowhere
#pragma unroll
  for (int tile = 0; tile < tap_tiles; ++tile) {
    int tap = min(8 * tile + row, Window::taps - 1);
    offsets[tile] = tap / Window::run * stages.pitch + tap % Window::run +
                    (column / 2 * stages.pitch + column % 2 * Window::channels) * Window::stride;
  }
  PixelWalk start(slot, slots, stages.pooled_width);
  WarpSums<Window> warp_sums;
  for (; stage < stages.count; stage += gridDim.x) {
    int pixels = stages.rows(stage) * stages.pooled_width;
    int64_t first = (int64_t{stages.row(stage)} * stages.pooled_width + slot) * filters + filter;
    const float* gradients = dpooled + first;
    const uint8_t* codes = winner + first;
    WinnerGradients next[2];
    auto read = [&](int pixel) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        next[i] = {};
        if (inside && pixel + i < pixels)
          next[i] = {*reinterpret_cast<const float4*>(gradients + i * filters),
                     *reinterpret_cast<const uint32_t*>(codes + i * filters)};
      }
      gradients += slots * filters;
      codes += slots * filters;
    };
    read(slot);
    wait_for_copies<0>();
    if constexpr (rounds_in_place<Window>) round_stage(g, stages, stage, rows);
    __syncthreads();
    if (stage + gridDim.x < stages.count) start_stage(x, g, stages, stage + gridDim.x, next_rows);
    commit_copies();
    const float* taps[tap_tiles];
#pragma unroll
    for (int tile = 0; tile < tap_tiles; ++tile) taps[tile] = rows + offsets[tile];
    PixelWalk walk = start;
    for (int pixel = slot; pixel < pixels; pixel += slots, walk.next()) {
      WinnerGradients pair[2] = {next[0], next[1]};
      read(pixel + slots);
      // The second pixel may be the first of the next row, or not exist: then its gradients are 0.
      constexpr int step = 2 * Window::stride * Window::channels;
      int row_step = 2 * Window::stride * stages.pitch;
      int patches[2] = {walk.row * row_step + walk.column * step, 0};
      if (pixel + 1 < pixels)
        patches[1] = walk.column + 1 < stages.pooled_width ? patches[0] + step : (walk.row + 1) * row_step;
      warp_sums.add(pair, column, taps, patches);
    }
    float* used = rows;
    rows = next_rows;
    next_rows = used;
  }
  __syncthreads();
  warp_sums.store(memory + warp * sums * filters_a_block + filters_a_row * row, column);
  add_warps(memory, partial.data + partial.at(blockIdx.y, blockIdx.x), sums * filters_a_block);
}

template <class Window>
void backward_by(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const ConvPoolGeometry& g,
                 const StoreGradients& store) {
  const Context& context = context_of(x);
  constexpr int sums = Window::taps + 1;
  unsigned tiles = blocks_for(g.filters, filters_a_block);
  Stages stages = cut_stages(g, 2 * backward_warps, window_blocks * context.multiprocessors());
  size_t bytes = std::max<size_t>(2 * stages.floats, backward_warps * sums * filters_a_block) * sizeof(float);
  stages.settled = is_settled(x);
  auto kernel = backward_window_tf32<Window>;
  dim3 grid(std::min<int64_t>(stages.count, blocks_at_once(context, kernel, window_threads, bytes)), tiles);
  Tensor parts = Tensor::empty({int64_t{grid.x} * tiles, sums * filters_a_block}, DType::f32, x.device());
  Partial partial{parts.mutable_data<float>(), grid.x, g.filters, filters_a_block, sums, store};
  launch_with_shared(context, kernel, grid, window_threads, bytes, x.data<float>(), winner.data<uint8_t>(),
                     dpooled.data<float>(), g, stages, partial);
  column_sums<double>(x, grid.x, int64_t{tiles} * sums * filters_a_block, partial, partial);
}

}  // namespace

bool window_backward_tf32(const Tensor& x, const Tensor& winner, const Tensor& dpooled,
                          const WindowGeometry& conv, const Tensor& dkernel, const Tensor& dbias) {
  ConvPoolGeometry g = conv_pool_geometry(conv, dpooled.shape()[3]);
  StoreGradients store{g.taps(), mutable_data_or_null<float>(dkernel), mutable_data_or_null<float>(dbias)};
  return pays_in_tf32(x, g) && is_aligned(winner) && is_aligned(dpooled) &&
         with_window(g, [&](auto window) { backward_by<decltype(window)>(x, winner, dpooled, g, store); });
}

}  // namespace manul::cuda
