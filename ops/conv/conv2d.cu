#include <algorithm>

#include "manul/framework/cuda/packed_column_sums.h"
#include "manul/framework/elementary.h"
#include "manul/ops/conv/add_bias_cuda.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/conv2d_few_filters.h"
#include "manul/ops/conv/conv2d_gradient_tiles.h"
#include "manul/ops/conv/conv2d_products.h"
#include "manul/ops/conv/conv2d_space_to_depth.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/conv/dnn_shape_cuda.h"
#include "manul/ops/fused/conv2d_activation.h"

namespace manul::cuda {
namespace {

// The plain kernels: for f64, and for shapes that cuDNN has no deterministic algorithm for.

template <class T>
struct Forward {
  const T *x, *kernel, *bias;
  WindowGeometry g;
  int64_t filters;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t f = i % filters, pixel = i / filters;
    int64_t ox = pixel % g.output[1], oy = pixel / g.output[1] % g.output[0],
            n = pixel / (g.output[0] * g.output[1]);
    int64_t channels = g.group_channels(), first = f / (filters / g.groups) * channels;
    T sum = bias ? bias[f] : T(0);
    for (int64_t ky = 0; ky < g.size[0]; ++ky)
      for (int64_t kx = 0; kx < g.size[1]; ++kx) {
        int64_t iy = g.source(0, oy, ky), ix = g.source(1, ox, kx);
        if (g.is_outside(iy, ix)) continue;
        const T* from = x + ((n * g.input[0] + iy) * g.input[1] + ix) * g.channels + first;
        const T* weight = kernel + ((f * g.size[0] + ky) * g.size[1] + kx) * channels;
        for (int64_t c = 0; c < channels; ++c) sum += from[c] * weight[c];
      }
    y[i] = sum;
  }
};

template <class T>
struct BackwardInput {
  const T *dy, *kernel;
  WindowGeometry g;
  int64_t filters;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % g.channels, pixel = i / g.channels;
    int64_t ix = pixel % g.input[1], iy = pixel / g.input[1] % g.input[0],
            n = pixel / (g.input[0] * g.input[1]);
    int64_t channels = g.group_channels(), group_filters = filters / g.groups;
    int64_t first = c / channels * group_filters, next_filter = g.size[0] * g.size[1] * channels;
    T sum = 0;
    for (int64_t ky = 0; ky < g.size[0]; ++ky) {
      int64_t oy = g.output_of(0, iy, ky);
      if (oy < 0) continue;
      for (int64_t kx = 0; kx < g.size[1]; ++kx) {
        int64_t ox = g.output_of(1, ix, kx);
        if (ox < 0) continue;
        const T* from = dy + ((n * g.output[0] + oy) * g.output[1] + ox) * filters + first;
        const T* weight = kernel + first * next_filter + (ky * g.size[1] + kx) * channels + c % channels;
        for (int64_t f = 0; f < group_filters; ++f) sum += from[f] * weight[f * next_filter];
      }
    }
    dx[i] = sum;
  }
};

/// dy times the input under one tap: an output pixel a row, an element of the kernel a column.
template <class T>
struct KernelGradientTerm {
  const T *x, *dy;
  WindowGeometry g;
  int64_t filters;
  __device__ double operator()(int64_t pixel, int64_t column) const {
    int64_t channels = g.group_channels(), c = column % channels, tap = column / channels;
    int64_t kx = tap % g.size[1], ky = tap / g.size[1] % g.size[0], f = tap / (g.size[0] * g.size[1]);
    int64_t ox = pixel % g.output[1], oy = pixel / g.output[1] % g.output[0],
            n = pixel / (g.output[0] * g.output[1]);
    int64_t iy = g.source(0, oy, ky), ix = g.source(1, ox, kx);
    if (g.is_outside(iy, ix)) return 0;
    c += f / (filters / g.groups) * channels;
    return static_cast<double>(dy[pixel * filters + f] *
                               x[((n * g.input[0] + iy) * g.input[1] + ix) * g.channels + c]);
  }
};

bool is_for_dnn(const Tensor& tensor) {
  return (tensor.dtype() == DType::f32 || tensor.dtype() == DType::bf16) && tensor.elements() > 0;
}
/// Where cuDNN is slow: it wants the channels in front there, and has few deterministic algorithms.
bool is_true_f32(const Tensor& tensor) {
  return tensor.dtype() == DType::f32 && tensor.elements() > 0 && !tf32();
}
/// What is gathered or transformed at a time: a quarter of a gibibyte, less on a small GPU.
int64_t most_scratch(const Tensor& on) {
  auto fair = static_cast<int64_t>(context_of(on).memory_bytes() / 64 / sizeof(float));
  return std::min(int64_t{1} << 26, fair);
}

bool forward_in_true_f32(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                         const Tensor& y) {
  if (!is_true_f32(y)) return false;
  int64_t most = most_scratch(x);
  if (is_for_winograd(g, kernel.shape()[0]) && forward_by_winograd(x, kernel, bias, g, 2 * most, y))
    return true;
  return forward_by_products(x, kernel, bias, g, most, y);
}
bool input_gradient_in_true_f32(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                                const Tensor& dx) {
  if (!is_true_f32(dy)) return false;
  int64_t most = most_scratch(dy);
  if (is_for_winograd(g, kernel.shape()[0]) && input_gradient_by_winograd(dy, kernel, g, add, 2 * most, dx))
    return true;
  return input_gradient_by_products(dy, kernel, g, add, most, dx);
}
bool kernel_gradient_in_true_f32(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                 const Tensor& dkernel) {
  if (!is_true_f32(dy)) return false;
  if (is_for_winograd(g, dy.shape()[3]) &&
      kernel_gradient_by_winograd(x, dy, g, 2 * most_scratch(x), dkernel))
    return true;
  return kernel_gradient_by_products(x, dy, g, dkernel, most_parts);
}

// In TF32, where cuDNN's deterministic ways are slow.

/// Windows side by side over few channels, as in the gradient of a transposed convolution, which cuDNN does
/// with copies and an older kernel: one product with gathered windows. 2x2, 32 channels to 64, 32 pictures of
/// 256 x 256: 0.23 ms (0.53).
bool forward_in_tf32(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                     const Tensor& y) {
  constexpr int64_t few_channels = 32;
  if (y.dtype() != DType::f32 || y.elements() == 0 || !tf32()) return false;
  bool side_by_side = g.size == g.strides && g.size[0] * g.size[1] > 1 &&
                      g.pad_before == std::array<int64_t, 2>{0, 0} &&
                      g.dilation == std::array<int64_t, 2>{1, 1};
  return side_by_side && g.channels % 4 == 0 && g.channels <= few_channels &&
         forward_by_products(x, kernel, bias, g, most_scratch(x), y);
}

/// A convolution of 1x1 with strides over few channels, which cuDNN does without tensor cores, is a product
/// with the pixels that it reads: 64 channels to 128, 256 pictures of 56 x 56, 0.075 ms (0.53) on an H200.
bool kernel_gradient_in_tf32(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                             const Tensor& dkernel) {
  constexpr int64_t few_channels = 64;
  if (dy.dtype() != DType::f32 || dy.elements() == 0 || !tf32()) return false;
  if (is_for_gradient_tiles(g, dy.shape()[3])) return kernel_gradient_by_tiles(x, dy, g, dkernel);
  bool is_sparse = g.size == std::array<int64_t, 2>{1, 1} && g.strides != std::array<int64_t, 2>{1, 1};
  return is_sparse && g.channels <= few_channels &&
         kernel_gradient_by_products(x, dy, g, dkernel, most_parts);
}
/// cuDNN's kernels make 128 x 128 elements of dx a block, which adds all products of its own: of few pixels
/// they leave most multiprocessors idle. 3x3, 512 channels, 256 pictures of 2 x 2: 0.033 ms (0.055);
/// with strides of 2, 512 filters and 256 channels, 256 pictures of 4 x 4: 0.025 (0.051).
bool input_gradient_in_tf32(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                            const Tensor& dx) {
  constexpr int64_t block = 128, few_blocks = 32, long_sum = 2048;
  if (dy.dtype() != DType::f32 || dy.elements() == 0 || !tf32() || g.groups != 1) return false;
  int64_t blocks = int64_t{blocks_for(dy.shape().rows(), block)} * blocks_for(g.channels, block);
  int64_t taps = g.size[0] * g.size[1];
  bool is_slow = taps > 1 && blocks <= few_blocks && taps * kernel.shape()[0] >= long_sum;
  return is_slow && input_gradient_by_products(dy, kernel, g, add, most_scratch(dy), dx);
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
                    const Tensor& y) {
  const Context& context = context_of(x);
  int64_t filters = kernel.shape()[0];
  if (forward_of_few_filters(x, kernel, bias, geometry, y)) return;
  if (forward_in_true_f32(x, kernel, bias, geometry, y)) return;
  if (forward_in_tf32(x, kernel, bias, geometry, y)) return;
  if (is_for_dnn(y)) {
    if (auto whole = SpaceToDepth::of(geometry, kernel))
      return conv2d_forward(whole->input(x), whole->kernel(kernel), bias, whole->geometry(), y);
    DnnShape dnn(geometry, filters, y.dtype());
    Tensor padded = dnn.pad(x);
    if (bias.defined() && dnn_forward_with_bias(dnn.shape(), padded, kernel, bias, y)) return;
    if (dnn_forward(dnn.shape(), padded, kernel, y)) {
      if (bias.defined()) add_bias(bias, y);
      return;
    }
  }
  if (y.dtype() == DType::bf16) return call_in_f32(conv2d_forward, x, kernel, bias, geometry, y);
  visit_float(x.dtype(), "conv2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context, y.elements(),
             Forward<T>{x.data<T>(), kernel.data<T>(), data_or_null<T>(bias), geometry, filters,
                        y.mutable_data<T>()});
  });
}

void conv2d_activation_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                               const WindowGeometry& geometry, const Tensor& addend, Activation activation,
                               const Tensor& y) {
  bool relu = activation == Activation::relu;
  if (is_for_dnn(y) && bias.defined() && (relu || activation == Activation::linear)) {
    if (is_true_f32(y)) {
      if (forward_with_tail(x, kernel, bias, geometry, addend, relu, y)) return;
    } else {
      if (auto whole = SpaceToDepth::of(geometry, kernel))
        return conv2d_activation_forward(whole->input(x), whole->kernel(kernel), bias, whole->geometry(),
                                         addend, activation, y);
      DnnShape dnn(geometry, kernel.shape()[0], y.dtype());
      if (dnn_forward_with_bias(dnn.shape(), dnn.pad(x), kernel, bias, y, addend, relu)) return;
    }
  }
  conv2d_forward(x, kernel, bias, geometry, y);
  add_activation(addend, activation, y);
}

void conv2d_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                           const Tensor& dx) {
  int64_t filters = kernel.shape()[0];
  if (input_gradient_of_few_filters(dy, kernel, geometry, false, dx)) return;
  if (input_gradient_in_true_f32(dy, kernel, geometry, false, dx)) return;
  if (input_gradient_in_tf32(dy, kernel, geometry, false, dx)) return;
  if (is_for_dnn(dy)) {
    DnnShape dnn(geometry, filters, dy.dtype());
    if (dnn.write_cropped(dx,
                          [&](const Tensor& to) { return dnn_backward_input(dnn.shape(), dy, kernel, to); }))
      return;
  }
  if (dy.dtype() == DType::bf16) return call_in_f32(conv2d_backward_input, dy, kernel, geometry, dx);
  visit_float(dy.dtype(), "conv2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dy), dx.elements(),
             BackwardInput<T>{dy.data<T>(), kernel.data<T>(), geometry, filters, dx.mutable_data<T>()});
  });
}

void conv2d_add_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                               const Tensor& dx) {
  if (input_gradient_of_few_filters(dy, kernel, geometry, true, dx)) return;
  if (input_gradient_in_true_f32(dy, kernel, geometry, true, dx)) return;
  if (input_gradient_in_tf32(dy, kernel, geometry, true, dx)) return;
  if (is_for_dnn(dy)) {
    DnnShape dnn(geometry, kernel.shape()[0], dy.dtype());
    if (!dnn.copies() && dnn_add_backward_input(dnn.shape(), dy, kernel, dx)) return;
  }
  Tensor own = Tensor::empty_like(dx);
  conv2d_backward_input(dy, kernel, geometry, own);
  accumulate(own, dx);
}

namespace {

template <class T>
void bias_gradient(const Tensor& dy, const Tensor& dbias) {
  sum_rows<T>(dy, dbias.mutable_data<T>());
}

}  // namespace

void conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                            const Tensor& dkernel, const Tensor& dbias) {
  int64_t filters = dy.shape()[3], pixels = dy.shape().rows();
  if (dbias.defined())
    visit_compute(dy.dtype(), "conv2d",
                  [&](auto types) { bias_gradient<typename decltype(types)::Storage>(dy, dbias); });
  if (!dkernel.defined()) return;
  if (kernel_gradient_in_true_f32(x, dy, geometry, dkernel)) return;
  if (kernel_gradient_in_tf32(x, dy, geometry, dkernel)) return;
  if (is_for_dnn(dy)) {
    if (auto whole = SpaceToDepth::of(geometry, dkernel)) {
      Tensor gradient = whole->empty_kernel();
      conv2d_backward_kernel(whole->input(x), dy, whole->geometry(), gradient, Tensor());
      return whole->kernel_gradient(gradient, dkernel);
    }
    DnnShape dnn(geometry, filters, dy.dtype());
    if (dnn_backward_kernel(dnn.shape(), dnn.pad(x), dy, dkernel)) return;
    if (dy.dtype() == DType::f32 && kernel_gradient_by_products(x, dy, geometry, dkernel, most_parts)) return;
  }
  if (dy.dtype() == DType::bf16)
    return call_in_f32(conv2d_backward_kernel, x, dy, geometry, dkernel, Tensor());
  visit_float(dy.dtype(), "conv2d", [&](auto zero) {
    using T = decltype(zero);
    column_sums<double>(dy, pixels, dkernel.elements(),
                        KernelGradientTerm<T>{x.data<T>(), dy.data<T>(), geometry, filters},
                        StoreSum<T>{dkernel.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
