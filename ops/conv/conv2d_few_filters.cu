#include "manul/framework/cuda/divider.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/conv/conv2d_few_filters.h"

namespace manul::cuda {
namespace {

constexpr int most_filters = 8, few_filters_threads = 256;
/// Those that share a pixel, and how many pixels they have on the way.
constexpr int pixel_lanes = 8, pixels_ahead = 4;

/// The products of some pixels with all filters; `packs` of the channels.
template <class S, int filters>
__global__ void few_filters_forward(const S* x, const S* kernel, const S* bias, int64_t pixels, int packs,
                                    S* y) {
  begin_kernel();
  constexpr int width = pack_width<S>;
  int64_t thread = int64_t{blockIdx.x} * few_filters_threads + threadIdx.x;
  int64_t first = thread / pixel_lanes * pixels_ahead;
  int lane = static_cast<int>(threadIdx.x % pixel_lanes);
  float sums[pixels_ahead][filters] = {};
  for (int pack = lane; pack < packs; pack += pixel_lanes) {
    Pack<float, width> seen[pixels_ahead];
#pragma unroll
    for (int r = 0; r < pixels_ahead; ++r)
      seen[r] = load_pack<width>(x + (min(first + r, pixels - 1) * packs + pack) * width);
#pragma unroll
    for (int f = 0; f < filters; ++f) {
      Pack<float, width> weights = load_pack<width>(kernel + (int64_t{f} * packs + pack) * width);
#pragma unroll
      for (int r = 0; r < pixels_ahead; ++r)
#pragma unroll
        for (int k = 0; k < width; ++k) sums[r][f] += seen[r].values[k] * weights.values[k];
    }
  }
#pragma unroll
  for (int r = 0; r < pixels_ahead; ++r)
#pragma unroll
    for (int f = 0; f < filters; ++f)
#pragma unroll
      for (int distance = pixel_lanes / 2; distance > 0; distance /= 2)
        sums[r][f] += __shfl_xor_sync(0xffffffffu, sums[r][f], distance);
#pragma unroll
  for (int r = 0; r < pixels_ahead; ++r) {
    if (lane != r || first + r >= pixels) continue;
#pragma unroll
    for (int f = 0; f < filters; ++f)
      y[(first + r) * filters + f] = static_cast<S>(sums[r][f] + (bias ? static_cast<float>(bias[f]) : 0.0f));
  }
}

/// A pack of channels of a pixel.
template <class S, int filters>
struct FewFiltersInputGradient {
  static constexpr int width = pack_width<S>;
  const S *dy, *kernel;
  Divider<uint32_t> packs;
  int64_t pack_count;
  bool add;
  S* dx;
  __device__ void operator()(int64_t i) const {
    Division<uint32_t> place = packs(static_cast<uint32_t>(i));
    Pack<float, width> sum{};
    if (add) sum = load_pack<width>(dx + i * width);
#pragma unroll
    for (int f = 0; f < filters; ++f) {
      auto arrived = static_cast<float>(dy[int64_t{place.quotient} * filters + f]);
      Pack<float, width> weights = load_pack<width>(kernel + (f * pack_count + place.remainder) * width);
#pragma unroll
      for (int k = 0; k < width; ++k) sum.values[k] += arrived * weights.values[k];
    }
    store_pack<width>(dx + i * width, sum);
  }
};

/// Calls use(zero of the dtype, constant of the number of filters).
template <class Use>
void with_filters(const Tensor& tensor, int64_t filters, const Use& use) {
  auto of_type = [&](auto zero) {
    [&]<int... before>(std::integer_sequence<int, before...>) {
      ((filters == before + 1 ? use(zero, std::integral_constant<int, before + 1>{}) : void()), ...);
    }
    (std::make_integer_sequence<int, most_filters>{});
  };
  tensor.dtype() == DType::bf16 ? of_type(bfloat16{}) : of_type(0.0f);
}

bool is_for_few_filters(const WindowGeometry& g, const Tensor& kernel, const Tensor& pixels) {
  // Of more channels a pixel's sum would be long, where there may be few of them.
  constexpr int64_t most_channels = 256;
  bool fits = kernel.shape()[0] <= most_filters && g.channels <= most_channels && g.groups == 1 &&
              pixels.elements() > 0 && pixels.elements() < int64_t{1} << 31;
  for (int axis = 0; axis < 2; ++axis)
    fits &= g.size[axis] == 1 && g.strides[axis] == 1 && g.input[axis] == g.output[axis];
  bool is_f32 = pixels.dtype() == DType::f32, is_bf16 = pixels.dtype() == DType::bf16;
  int64_t width = is_bf16 ? pack_width<bfloat16> : pack_width<float>;
  return fits && (is_f32 || is_bf16) && kernel.dtype() == pixels.dtype() && g.channels % width == 0 &&
         allow_packs({pixels.raw_data(), kernel.raw_data()});
}

}  // namespace

bool forward_of_few_filters(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const WindowGeometry& g, const Tensor& y) {
  if (!is_for_few_filters(g, kernel, x)) return false;
  int64_t pixels = y.shape().rows();
  with_filters(x, kernel.shape()[0], [&]<class S>(S, auto filters) {
    launch(context_of(x), few_filters_forward<S, filters>,
           blocks_for(pixels, few_filters_threads / pixel_lanes * pixels_ahead), few_filters_threads,
           x.data<S>(), kernel.data<S>(), data_or_null<S>(bias), pixels,
           static_cast<int>(g.channels / pack_width<S>), y.mutable_data<S>());
  });
  return true;
}

bool input_gradient_of_few_filters(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                                   const Tensor& dx) {
  if (!is_for_few_filters(g, kernel, dx)) return false;
  with_filters(dx, kernel.shape()[0], [&]<class S>(S, auto filters) {
    int64_t packs = g.channels / pack_width<S>;
    for_each(context_of(dx), dx.elements() / pack_width<S>,
             FewFiltersInputGradient<S, filters>{dy.data<S>(), kernel.data<S>(), Divider<uint32_t>(packs),
                                                 packs, add, dx.mutable_data<S>()});
  });
  return true;
}

}  // namespace manul::cuda
