#include "manul/ops/fused/conv_window.h"
#include "manul/ops/fused/conv_window_stages.h"

namespace manul::cuda {
namespace {

/// The four convolution outputs of a pooled pixel for the filters of a lane, from its patch and the weights.
template <class Window, int filters>
__device__ void convolve_patch(const float* patch, int pitch, const float (&weight)[Window::taps][filters],
                               float (&sum)[4][filters]) {
#pragma unroll
  for (int r = 0; r < Window::patch_rows; ++r) {
    float line[Window::patch_run + Window::patch_run % 2];
    auto* pairs = reinterpret_cast<const float2*>(patch + r * pitch);
#pragma unroll
    for (int i = 0; i < (Window::patch_run + 1) / 2; ++i) {
      float2 pair = pairs[i];
      line[2 * i] = pair.x;
      line[2 * i + 1] = pair.y;
    }
#pragma unroll
    for (int oy = 0; oy < 2; ++oy) {
      int ky = r - oy * Window::stride;
      if (ky < 0 || ky >= Window::kernel) continue;
#pragma unroll
      for (int k = 0; k < Window::run; ++k)
#pragma unroll
        for (int ox = 0; ox < 2; ++ox)
#pragma unroll
          for (int f = 0; f < filters; ++f)
            sum[oy * 2 + ox][f] = fmaf(line[ox * Window::stride * Window::channels + k],
                                       weight[ky * Window::run + k][f], sum[oy * 2 + ox][f]);
    }
  }
}

struct Winner {
  float value = 0;
  int code = cut;
  __device__ void meet(float other, int position) {
    if (other > value) {
      value = other;
      code = position;
    }
  }
};

/// `count` neighbours, written at once.
template <class T, int count>
struct alignas(count * sizeof(T)) Vector {
  T values[count];
};

template <int filters_a_lane>
constexpr int forward_threads = 512 / filters_a_lane;
/// Of a multiprocessor.
template <int filters_a_lane>
constexpr int forward_blocks = filters_a_lane == 2 ? 2 : 3;

/// A lane has two filters, or four where the batch is large: each value that it reads serves more products
/// then, but fewer warps fit a multiprocessor.
template <class Window, int filters_a_lane>
__global__ void __launch_bounds__(forward_threads<filters_a_lane>, forward_blocks<filters_a_lane>)
    forward_window(const float* x, const float* kernel, const float* bias, ConvPoolGeometry g, Stages stages,
                   float* pooled, uint8_t* winner) {
  constexpr int lanes_a_pixel = filters_a_block / filters_a_lane;
  __shared__ float weights[Window::taps][filters_a_block + 2];
  float *rows = dynamic_shared<float>(), *next_rows = rows + stages.floats;
  int stage = blockIdx.x;
  int filters = static_cast<int>(g.filters), first_filter = blockIdx.y * filters_a_block;
  auto read_weights = [&] {
    for (int i = threadIdx.x; i < filters_a_block * Window::taps; i += blockDim.x) {
      int f = i / Window::taps;
      weights[i % Window::taps][f] =
          first_filter + f < filters ? load_settled(kernel + first_filter * Window::taps + i) : 0.0f;
    }
  };
  if (stages.weights_settled) read_weights();
  begin_with_stage(x, g, stages, stage, rows);
  if (!stages.weights_settled) read_weights();
  int lane = threadIdx.x % lanes_a_pixel * filters_a_lane, filter = first_filter + lane;
  bool inside = filter < filters;
  float offset[filters_a_lane];
#pragma unroll
  for (int f = 0; f < filters_a_lane; ++f) offset[f] = bias && inside ? bias[filter + f] : 0.0f;
  __syncthreads();
  float weight[Window::taps][filters_a_lane];
#pragma unroll
  for (int t = 0; t < Window::taps; ++t)
#pragma unroll
    for (int f = 0; f < filters_a_lane; ++f) weight[t][f] = weights[t][lane + f];
  PixelWalk start(threadIdx.x / lanes_a_pixel, blockDim.x / lanes_a_pixel, stages.pooled_width);
  int pixel_step = blockDim.x / lanes_a_pixel * filters;
  for (; stage < stages.count; stage += gridDim.x) {
    wait_for_copies<0>();
    __syncthreads();
    if (stage + gridDim.x < stages.count) start_stage(x, g, stages, stage + gridDim.x, next_rows);
    commit_copies();
    int stage_rows = stages.rows(stage);
    int64_t to =
        (int64_t{stages.row(stage)} * stages.pooled_width + threadIdx.x / lanes_a_pixel) * filters + filter;
    for (PixelWalk pixel = start; pixel.row < stage_rows; pixel.next(), to += pixel_step) {
      float sum[4][filters_a_lane];
#pragma unroll
      for (auto& line : sum)
#pragma unroll
        for (int f = 0; f < filters_a_lane; ++f) line[f] = offset[f];
      convolve_patch<Window>(
          rows + 2 * Window::stride * (pixel.row * stages.pitch + pixel.column * Window::channels),
          stages.pitch, weight, sum);
      Vector<float, filters_a_lane> values;
      Vector<uint8_t, filters_a_lane> codes;
#pragma unroll
      for (int f = 0; f < filters_a_lane; ++f) {
        Winner won;
#pragma unroll
        for (int q = 0; q < 4; ++q) won.meet(sum[q][f], q);
        values.values[f] = won.value;
        codes.values[f] = static_cast<uint8_t>(won.code);
      }
      if (!inside) continue;
      *reinterpret_cast<Vector<float, filters_a_lane>*>(pooled + to) = values;
      *reinterpret_cast<Vector<uint8_t, filters_a_lane>*>(winner + to) = codes;
    }
    float* used = rows;
    rows = next_rows;
    next_rows = used;
  }
}

template <class Window, int filters_a_lane>
void forward_by(const Tensor& x, const Tensor& kernel, const Tensor& bias, const ConvPoolGeometry& g,
                const Tensor& pooled, const Tensor& winner) {
  constexpr int lanes_a_pixel = filters_a_block / filters_a_lane, most = forward_threads<filters_a_lane>;
  Stages stages =
      cut_stages(g, most / lanes_a_pixel, forward_blocks<filters_a_lane> * context_of(x).multiprocessors());
  int64_t lanes = int64_t{stages.rows_a_stage} * g.pooled_width * lanes_a_pixel;
  int threads = static_cast<int>(std::clamp<int64_t>((lanes + 31) / 32 * 32, 64, most));
  launch_forward(forward_window<Window, filters_a_lane>, threads, x, kernel, bias, g, stages, pooled, winner);
}

}  // namespace

bool window_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& conv,
                    const Tensor& pooled, const Tensor& winner) {
  ConvPoolGeometry g = conv_pool_geometry(conv, kernel.shape()[0]);
  int64_t pixels = g.batch * g.pooled_height * g.pooled_width;
  constexpr int64_t least_for_four = 200000;
  return fits_windows(x, g) && with_window(g, [&](auto window) {
           if (g.filters % 4 == 0 && pixels >= least_for_four)
             forward_by<decltype(window), 4>(x, kernel, bias, g, pooled, winner);
           else
             forward_by<decltype(window), 2>(x, kernel, bias, g, pooled, winner);
         });
}

}  // namespace manul::cuda
