#include "manul/framework/cuda/product/tensor_core.h"
#include "manul/ops/fused/conv_window.h"
#include "manul/ops/fused/conv_window_stages.h"

namespace manul::cuda {
namespace {

constexpr int tf32_threads = 128, pixels_a_tile = 16;
/// A lane's share of the filters of a block: neighbours, so that it writes them at once.
constexpr int filters_a_lane = 8, column_tiles = filters_a_lane / 2;

/// The filter, counted from the block's first, that column `n` of tile `tile` of the product has: such that
/// lane % 4 = l gets filters 8 l to 8 l + 7.
__device__ inline int filter_of(int tile, int n) {
  return filters_a_lane * (n / 2) + 2 * tile + n % 2;
}

/// The taps as the depth of the product: eight a step, zeros behind the last.
template <class Window>
struct TapSteps {
  static constexpr int steps = (Window::taps + 7) / 8;
  int offsets[steps][2];  // of the lane's two taps of a step in shared memory

  __device__ TapSteps(int pitch, int column) {
#pragma unroll
    for (int step = 0; step < steps; ++step)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int tap = 8 * step + 4 * half + column;
        offsets[step][half] = tap < Window::taps ? tap / Window::run * pitch + tap % Window::run : -1;
      }
  }
  __device__ uint32_t read(const float* window, int step, int half) const {
    if (8 * step + 4 * half >= Window::taps) return 0;
    bool whole = 8 * step + 4 * half + 4 <= Window::taps;
    int offset = offsets[step][half];
    return whole || offset >= 0 ? to_tf32(window[offset]) : 0;
  }
};

/// The weights of a block's filters as the right side of the product.
template <class Window>
struct Weights {
  uint32_t values[TapSteps<Window>::steps][column_tiles][2];

  __device__ Weights(const float* kernel, int first_filter, int filters, int row, int column) {
#pragma unroll
    for (int step = 0; step < TapSteps<Window>::steps; ++step)
#pragma unroll
      for (int tile = 0; tile < column_tiles; ++tile)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          int filter = first_filter + filter_of(tile, row), tap = 8 * step + 4 * half + column;
          values[step][tile][half] =
              filter < filters && tap < Window::taps ? to_tf32(kernel[filter * Window::taps + tap]) : 0;
        }
  }
};

/// The winners of two pixels for eight filters.
struct Winners {
  float values[2][filters_a_lane] = {};
  uint32_t codes[2][2];  // a byte a filter

  __device__ Winners() {
    for (auto& line : codes)
      for (uint32_t& four : line) four = 0x01010101u * cut;
  }
  __device__ void meet(int pixel, int filter, float other, int position) {
    if (other <= values[pixel][filter]) return;
    values[pixel][filter] = other;
    uint32_t& four = codes[pixel][filter / 4];
    int shift = filter % 4 * 8;
    four = (four & ~(0xffu << shift)) | static_cast<uint32_t>(position) << shift;
  }
};

/// A warp has 16 pixels. A product of the tensor cores has a position of the pooling window of each of these.
template <class Window>
__global__ void __launch_bounds__(tf32_threads, window_blocks)
    forward_window_tf32(const float* x, const float* kernel, const float* bias, ConvPoolGeometry g,
                        Stages stages, float* pooled, uint8_t* winner) {
  constexpr int slots = tf32_threads / 32 * pixels_a_tile;
  float *rows = dynamic_shared<float>(), *next_rows = rows + stages.floats;
  int stage = blockIdx.x;
  begin_with_stage(x, g, stages, stage, rows);
  int row = threadIdx.x % 32 / 4, column = threadIdx.x % 4;
  int filters = static_cast<int>(g.filters), first_filter = blockIdx.y * filters_a_block,
      filter = first_filter + filters_a_lane * column;
  bool inside = filter < filters;
  Weights<Window> weights(kernel, first_filter, filters, row, column);
  TapSteps<Window> taps(stages.pitch, column);
  float offset[filters_a_lane];
#pragma unroll
  for (int f = 0; f < filters_a_lane; ++f) offset[f] = bias && inside ? bias[filter + f] : 0.0f;
  int slot = threadIdx.x / 32 * pixels_a_tile + row;
  PixelWalk starts[2] = {{slot, slots, stages.pooled_width}, {slot + 8, slots, stages.pooled_width}};
  for (; stage < stages.count; stage += gridDim.x) {
    wait_for_copies<0>();
    __syncthreads();
    if (stage + gridDim.x < stages.count) start_stage(x, g, stages, stage + gridDim.x, next_rows);
    commit_copies();
    int pixels = stages.rows(stage) * stages.pooled_width;
    int64_t first = int64_t{stages.row(stage)} * stages.pooled_width;
    PixelWalk walks[2] = {starts[0], starts[1]};
    for (int pixel = slot; pixel - row < pixels; pixel += slots) {
      const float* patches[2];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        bool there = pixel + 8 * i < pixels;
        patches[i] = rows + (there ? 2 * Window::stride *
                                         (walks[i].row * stages.pitch + walks[i].column * Window::channels)
                                   : 0);
        walks[i].next();
      }
      Winners won;
#pragma unroll
      for (int q = 0; q < 4; ++q) {
        int position = (q / 2 * stages.pitch + q % 2 * Window::channels) * Window::stride;
        float sum[column_tiles][4];
#pragma unroll
        for (int tile = 0; tile < column_tiles; ++tile)
#pragma unroll
          for (int i = 0; i < 4; ++i) sum[tile][i] = offset[2 * tile + i % 2];
#pragma unroll
        for (int step = 0; step < TapSteps<Window>::steps; ++step) {
          uint32_t a[4];
#pragma unroll
          for (int i = 0; i < 4; ++i) a[i] = taps.read(patches[i % 2] + position, step, i / 2);
#pragma unroll
          for (int tile = 0; tile < column_tiles; ++tile)
            multiply_add_tf32(sum[tile], a, weights.values[step][tile]);
        }
#pragma unroll
        for (int tile = 0; tile < column_tiles; ++tile)
#pragma unroll
          for (int i = 0; i < 4; ++i) won.meet(i / 2, 2 * tile + i % 2, sum[tile][i], q);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        if (!inside || pixel + 8 * i >= pixels) continue;
        int64_t to = (first + pixel + 8 * i) * filters + filter;
        auto* values = reinterpret_cast<float4*>(pooled + to);
        const float* v = won.values[i];
        values[0] = {v[0], v[1], v[2], v[3]};
        values[1] = {v[4], v[5], v[6], v[7]};
        *reinterpret_cast<uint2*>(winner + to) = {won.codes[i][0], won.codes[i][1]};
      }
    }
    float* used = rows;
    rows = next_rows;
    next_rows = used;
  }
}

template <class Window>
void forward_by(const Tensor& x, const Tensor& kernel, const Tensor& bias, const ConvPoolGeometry& g,
                const Tensor& pooled, const Tensor& winner) {
  Stages stages =
      cut_stages(g, tf32_threads / 32 * pixels_a_tile, window_blocks * context_of(x).multiprocessors());
  launch_forward(forward_window_tf32<Window>, tf32_threads, x, kernel, bias, g, stages, pooled, winner);
}

}  // namespace

bool window_forward_tf32(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const WindowGeometry& conv, const Tensor& pooled, const Tensor& winner) {
  ConvPoolGeometry g = conv_pool_geometry(conv, kernel.shape()[0]);
  return pays_in_tf32(x, g) && is_aligned(pooled) && is_aligned(winner) && with_window(g, [&](auto window) {
           forward_by<decltype(window)>(x, kernel, bias, g, pooled, winner);
         });
}

}  // namespace manul::cuda
