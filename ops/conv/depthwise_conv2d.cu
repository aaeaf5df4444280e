#include <algorithm>

#include "manul/framework/cuda/launch.h"
#include "manul/framework/cuda/packed_column_sums.h"
#include "manul/ops/conv/depthwise_conv2d.h"
#include "manul/ops/conv/depthwise_tiles_cuda.h"
#include "manul/ops/fused/conv2d_activation.h"

namespace manul::cuda {
namespace {

/// `width` neighbouring channels, loaded and stored at once.
template <class T, int width>
struct alignas(sizeof(T) * width) Pack {
  T value[width];
};

/// The geometry in 32 bits, in which the GPU divides quickly, or in 64 for the largest tensors.
template <class Index>
struct Lengths {
  explicit Lengths(const WindowGeometry& g, int64_t filters)
      : filters(static_cast<Index>(filters)), multiplier(static_cast<Index>(filters / g.channels)) {
    for (int axis = 0; axis < 2; ++axis) {
      input[axis] = static_cast<Index>(g.input[axis]);
      output[axis] = static_cast<Index>(g.output[axis]);
      size[axis] = static_cast<Index>(g.size[axis]);
      stride[axis] = static_cast<Index>(g.strides[axis]);
      dilation[axis] = static_cast<Index>(g.dilation[axis]);
      pad[axis] = static_cast<Index>(g.pad_before[axis]);
    }
  }
  Index input[2], output[2], size[2], stride[2], dilation[2], pad[2], filters, multiplier;

  __device__ Index source(int axis, Index output, Index tap) const {
    return output * stride[axis] + tap * dilation[axis] - pad[axis];
  }
  __device__ bool is_inside(int axis, Index at) const { return at >= 0 && at < input[axis]; }
  /// The output whose tap `k` reads `at`; -1 if there is none.
  __device__ Index output_of(int axis, Index at, Index k) const {
    Index shifted = at + pad[axis] - k * dilation[axis];
    if (shifted < 0 || shifted % stride[axis] != 0) return -1;
    Index result = shifted / stride[axis];
    return result < output[axis] ? result : -1;
  }
};

/// `width` outputs of one pixel. More than one only where every channel has one kernel.
template <class T, int width, class Index>
struct DepthwiseForward {
  using Values = Pack<T, width>;
  const T *x, *kernel, *bias;
  Lengths<Index> g;
  T* y;
  __device__ void operator()(int64_t i) const {
    Index packs = g.filters / width, f = static_cast<Index>(i) % packs * width,
          pixel = static_cast<Index>(i) / packs;
    Index ox = pixel % g.output[1], row = pixel / g.output[1], oy = row % g.output[0], n = row / g.output[0];
    Index channels = g.filters / g.multiplier, c = f / g.multiplier;
    Values sum{};
    if (bias) sum = *reinterpret_cast<const Values*>(bias + f);
    for (Index ky = 0; ky < g.size[0]; ++ky) {
      Index iy = g.source(0, oy, ky);
      if (!g.is_inside(0, iy)) continue;
      for (Index kx = 0; kx < g.size[1]; ++kx) {
        Index ix = g.source(1, ox, kx);
        if (!g.is_inside(1, ix)) continue;
        Values from = *reinterpret_cast<const Values*>(
            x + static_cast<int64_t>((n * g.input[0] + iy) * g.input[1] + ix) * channels + c);
        Values by = *reinterpret_cast<const Values*>(kernel + (ky * g.size[1] + kx) * g.filters + f);
#pragma unroll
        for (int k = 0; k < width; ++k) sum.value[k] += from.value[k] * by.value[k];
      }
    }
    *reinterpret_cast<Values*>(y + static_cast<int64_t>(pixel) * g.filters + f) = sum;
  }
};

/// The gradient of `width` channels of one input pixel.
template <class T, int width, class Index>
struct DepthwiseBackwardInput {
  using Values = Pack<T, width>;
  const T *dy, *kernel;
  Lengths<Index> g;
  T* dx;
  __device__ void operator()(int64_t i) const {
    Index channels = g.filters / g.multiplier, packs = channels / width;
    Index c = static_cast<Index>(i) % packs * width, pixel = static_cast<Index>(i) / packs;
    Index ix = pixel % g.input[1], row = pixel / g.input[1], iy = row % g.input[0], n = row / g.input[0];
    Values sum{};
    for (Index ky = 0; ky < g.size[0]; ++ky) {
      Index oy = g.output_of(0, iy, ky);
      if (oy < 0) continue;
      for (Index kx = 0; kx < g.size[1]; ++kx) {
        Index ox = g.output_of(1, ix, kx);
        if (ox < 0) continue;
        const T* from = dy + static_cast<int64_t>((n * g.output[0] + oy) * g.output[1] + ox) * g.filters;
        const T* weight = kernel + (ky * g.size[1] + kx) * g.filters;
        for (Index m = 0; m < g.multiplier; ++m) {
          Values arrived = *reinterpret_cast<const Values*>(from + c * g.multiplier + m);
          Values by = *reinterpret_cast<const Values*>(weight + c * g.multiplier + m);
#pragma unroll
          for (int k = 0; k < width; ++k) sum.value[k] += arrived.value[k] * by.value[k];
        }
      }
    }
    *reinterpret_cast<Values*>(dx + static_cast<int64_t>(pixel) * channels + c) = sum;
  }
};

constexpr int lanes = 32, rows_a_block = 8, most_taps = 9;

/// A block adds up a chunk of output pixels for 32 filters and up to nine taps; every thread keeps the sums
/// of one filter over every eighth pixel.
template <class T, class Index>
__global__ void kernel_gradient_parts(const T* x, const T* dy, Lengths<Index> g, Index pixels,
                                      Index pixels_a_chunk, T* parts) {
  begin_kernel();
  __shared__ T shared[rows_a_block][most_taps][lanes];
  Index f = static_cast<Index>(blockIdx.x) * lanes + threadIdx.x % lanes, row = threadIdx.x / lanes;
  Index taps = g.size[0] * g.size[1], first = static_cast<Index>(blockIdx.z) * most_taps;
  Index channels = g.filters / g.multiplier, c = f / g.multiplier;
  Index begin = static_cast<Index>(blockIdx.y) * pixels_a_chunk,
        end = begin + pixels_a_chunk < pixels ? begin + pixels_a_chunk : pixels;
  T sums[most_taps] = {};
  if (f < g.filters)
    for (Index pixel = begin + row; pixel < end; pixel += rows_a_block) {
      Index ox = pixel % g.output[1], line = pixel / g.output[1];
      Index oy = line % g.output[0], n = line / g.output[0];
      T arrived = dy[static_cast<int64_t>(pixel) * g.filters + f];
#pragma unroll
      for (int t = 0; t < most_taps; ++t) {
        Index tap = first + t, iy = g.source(0, oy, tap / g.size[1]), ix = g.source(1, ox, tap % g.size[1]);
        if (tap < taps && g.is_inside(0, iy) && g.is_inside(1, ix))
          sums[t] +=
              arrived * x[static_cast<int64_t>((n * g.input[0] + iy) * g.input[1] + ix) * channels + c];
      }
    }
#pragma unroll
  for (int t = 0; t < most_taps; ++t) shared[row][t][threadIdx.x % lanes] = sums[t];
  __syncthreads();
  for (int t = row; t < most_taps; t += rows_a_block) {
    if (f >= g.filters || first + t >= taps) continue;
    T total = 0;
    for (int k = 0; k < rows_a_block; ++k) total += shared[k][t][threadIdx.x % lanes];
    parts[(static_cast<int64_t>(blockIdx.y) * taps + first + t) * g.filters + f] = total;
  }
}

template <class T, class Index>
void kernel_gradient(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                     const Tensor& dkernel) {
  int64_t filters = dy.shape()[3], pixels = dy.shape().rows(), taps = geometry.size[0] * geometry.size[1];
  unsigned tiles = blocks_for(filters, lanes), tap_tiles = blocks_for(taps, most_taps);
  // Chunks enough to fill a large GPU, each of at least sixteen pixels a thread.
  int64_t most_chunks = std::clamp<int64_t>(2048 / std::max<int64_t>(tiles * tap_tiles, 1), 1, 256);
  int64_t chunk = std::max<int64_t>((pixels + most_chunks - 1) / most_chunks, 16 * rows_a_block);
  int64_t chunks = std::max<int64_t>(blocks_for(pixels, chunk), 1);
  Tensor parts = Tensor::empty({chunks, taps * filters}, dy.dtype(), dy.device());
  launch(context_of(dy), kernel_gradient_parts<T, Index>,
         dim3(tiles, static_cast<unsigned>(chunks), tap_tiles), lanes * rows_a_block, x.data<T>(),
         dy.data<T>(), Lengths<Index>(geometry, filters), static_cast<Index>(pixels),
         static_cast<Index>(chunk), parts.mutable_data<T>());
  column_sums<double>(dy, chunks, taps * filters, MatrixElement<T>{parts.data<T>(), taps * filters},
                      StoreSum<T>{dkernel.mutable_data<T>()});
}

/// Calls function(zero of the dtype, index) with 32-bit indices if `elements` allow it.
template <class Function>
void visit_index(const Tensor& on, int64_t elements, const Function& function) {
  visit_float(on.dtype(), "depthwise_conv2d", [&](auto zero) {
    if (elements < int64_t{1} << 30)
      function(zero, int32_t{});
    else
      function(zero, int64_t{});
  });
}

int64_t largest(const WindowGeometry& g, int64_t filters) {
  // What an index can reach: elements, and places beyond the border.
  int64_t reach = 0;
  for (int axis = 0; axis < 2; ++axis)
    reach =
        std::max(reach, g.output[axis] * g.strides[axis] + g.size[axis] * g.dilation[axis] + g.input[axis]);
  return std::max({g.batch * g.input[0] * g.input[1] * filters, g.batch * g.output[0] * g.output[1] * filters,
                   g.size[0] * g.size[1] * filters, reach});
}

constexpr int64_t channels_a_pack = 4;

/// Whether four channels can be taken at once.
template <class T>
bool fits_packs(const WindowGeometry& g, int64_t filters, std::initializer_list<const T*> operands) {
  for (const T* operand : operands)
    if (reinterpret_cast<uintptr_t>(operand) % (channels_a_pack * sizeof(T)) != 0) return false;
  return filters == g.channels && filters % channels_a_pack == 0;
}

/// Of what depthwise_tiles_cuda.h is for, if the operands also fit packs.
template <class T, class Index>
constexpr bool has_tiles = std::is_same_v<T, float>&& std::is_same_v<Index, int32_t>;

/// Whether bf16 tensors are what the tiles take. Others are converted.
bool has_bf16_tiles(const WindowGeometry& g, int64_t filters,
                    std::initializer_list<const bfloat16*> operands) {
  return largest(g, filters) < int64_t{1} << 30 && fits_packs<bfloat16>(g, filters, operands);
}

}  // namespace

void depthwise_conv2d_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              const WindowGeometry& geometry, const Tensor& y) {
  if (y.elements() == 0) return;
  int64_t filters = y.shape()[3];
  if (y.dtype() == DType::bf16) {
    bool fits = has_bf16_tiles(geometry, filters,
                               {x.data<bfloat16>(), kernel.data<bfloat16>(), data_or_null<bfloat16>(bias),
                                y.mutable_data<bfloat16>()});
    if (!fits || !depthwise_forward_by_tiles<bfloat16>(x, kernel, bias, geometry, y))
      call_in_f32(depthwise_conv2d_forward, x, kernel, bias, geometry, y);
    return;
  }
  visit_index(x, largest(geometry, filters), [&]<class T, class Index>(T, Index) {
    Lengths<Index> lengths(geometry, filters);
    const T *from = x.data<T>(), *weights = kernel.data<T>(), *offset = data_or_null<T>(bias);
    T* to = y.mutable_data<T>();
    bool packs = fits_packs<T>(geometry, filters, {from, weights, offset, to});
    if constexpr (has_tiles<T, Index>)
      if (packs && depthwise_forward_by_tiles<T>(x, kernel, bias, geometry, y)) return;
    if (packs)
      for_each(context_of(x), y.elements() / channels_a_pack,
               DepthwiseForward<T, channels_a_pack, Index>{from, weights, offset, lengths, to});
    else
      for_each(context_of(x), y.elements(),
               DepthwiseForward<T, 1, Index>{from, weights, offset, lengths, to});
  });
}

namespace {

/// Where the tiles do it all. `packs`: as for depthwise_conv2d_forward().
bool activation_by_tiles(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const WindowGeometry& geometry, const OnTheWay& on_the_way, const Tensor& y) {
  int64_t filters = y.shape()[3];
  if (y.dtype() == DType::bf16)
    return has_bf16_tiles(geometry, filters,
                          {x.data<bfloat16>(), kernel.data<bfloat16>(), data_or_null<bfloat16>(bias),
                           y.mutable_data<bfloat16>()}) &&
           depthwise_forward_by_tiles<bfloat16>(x, kernel, bias, geometry, y, on_the_way);
  return y.dtype() == DType::f32 && largest(geometry, filters) < int64_t{1} << 30 &&
         fits_packs<float>(
             geometry, filters,
             {x.data<float>(), kernel.data<float>(), data_or_null<float>(bias), y.mutable_data<float>()}) &&
         depthwise_forward_by_tiles<float>(x, kernel, bias, geometry, y, on_the_way);
}

}  // namespace

void depthwise_conv2d_activation_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                         const WindowGeometry& geometry, Activation before, Activation after,
                                         const Tensor& y) {
  if (y.elements() == 0) return;
  bool fuses_before = is_fused_in_normalization(before), fuses_after = is_fused_in_normalization(after);
  OnTheWay on_the_way{fuses_before ? before : Activation::linear, fuses_after ? after : Activation::linear};
  Tensor seen = x;
  if (!fuses_before) {
    seen = x.clone();
    add_activation({}, before, seen);
  }
  if (activation_by_tiles(seen, kernel, bias, geometry, on_the_way, y)) {
    if (!fuses_after) add_activation({}, after, y);
    return;
  }
  if (on_the_way.before != Activation::linear) {
    seen = x.clone();
    add_activation({}, before, seen);
  }
  depthwise_conv2d_forward(seen, kernel, bias, geometry, y);
  add_activation({}, after, y);
}

void depthwise_conv2d_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                                     const Tensor& dx) {
  if (dx.elements() == 0) return;
  int64_t filters = dy.shape()[3];
  if (dy.dtype() == DType::bf16) {
    bool fits = has_bf16_tiles(geometry, filters,
                               {dy.data<bfloat16>(), kernel.data<bfloat16>(), dx.mutable_data<bfloat16>()});
    if (!fits || !depthwise_backward_input_by_tiles<bfloat16>(dy, kernel, geometry, dx))
      call_in_f32(depthwise_conv2d_backward_input, dy, kernel, geometry, dx);
    return;
  }
  visit_index(dy, largest(geometry, filters), [&]<class T, class Index>(T, Index) {
    Lengths<Index> lengths(geometry, filters);
    const T *from = dy.data<T>(), *weights = kernel.data<T>();
    T* to = dx.mutable_data<T>();
    bool packs = fits_packs<T>(geometry, filters, {from, weights, to});
    if constexpr (has_tiles<T, Index>)
      if (packs && depthwise_backward_input_by_tiles<T>(dy, kernel, geometry, dx)) return;
    if (packs)
      for_each(context_of(dy), dx.elements() / channels_a_pack,
               DepthwiseBackwardInput<T, channels_a_pack, Index>{from, weights, lengths, to});
    else
      for_each(context_of(dy), dx.elements(),
               DepthwiseBackwardInput<T, 1, Index>{from, weights, lengths, to});
  });
}

void depthwise_conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                                      const Tensor& dkernel, const Tensor& dbias) {
  int64_t filters = dy.shape()[3];
  if (dy.dtype() == DType::bf16) {
    bool fits = dkernel.defined() && !dbias.defined() && dy.elements() > 0 &&
                has_bf16_tiles(geometry, filters, {x.data<bfloat16>(), dy.data<bfloat16>()});
    if (!fits || !depthwise_backward_kernel_by_tiles<bfloat16>(x, dy, geometry, dkernel))
      call_in_f32(depthwise_conv2d_backward_kernel, x, dy, geometry, dkernel, dbias);
    return;
  }
  visit_index(dy, largest(geometry, filters), [&]<class T, class Index>(T, Index) {
    if (dbias.defined()) sum_rows<T>(dy, dbias.mutable_data<T>());
    if (!dkernel.defined()) return;
    if constexpr (has_tiles<T, Index>)
      if (fits_packs<T>(geometry, filters, {x.data<T>(), dy.data<T>()}) &&
          depthwise_backward_kernel_by_tiles<T>(x, dy, geometry, dkernel))
        return;
    kernel_gradient<T, Index>(x, dy, geometry, dkernel);
  });
}

}  // namespace manul::cuda
