#include "manul/ops/fused/conv_relu_pool.h"

#include <algorithm>

#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/launch.h"
#include "manul/ops/fused/conv_relu_pool_geometry.h"
#include "manul/ops/fused/conv_window.h"

namespace manul::cuda {
namespace {

template <class T>
struct Forward {
  const T *x, *kernel, *bias;
  ConvPoolGeometry g;
  T* pooled;
  uint8_t* winner;
  __device__ void operator()(int64_t i) const {
    int64_t f = i % g.filters, pixel = i / g.filters, px = pixel % g.pooled_width;
    const T* rows = x + g.first(pixel / g.pooled_width);
    const T* weight = kernel + f * g.taps();
    T best = 0;
    uint8_t code = cut;
    for (int q = 0; q < 4; ++q) {
      const T* window = rows + g.offset(px, q, g.row_length());
      T sum = bias ? bias[f] : T(0);
      for (int ky = 0; ky < g.kernel_height; ++ky)
        for (int k = 0; k < g.run(); ++k) sum += window[ky * g.row_length() + k] * weight[ky * g.run() + k];
      if (sum > best) {
        best = sum;
        code = static_cast<uint8_t>(q);
      }
    }
    pooled[i] = best;
    winner[i] = code;
  }
};

/// The gradient times the input under one tap of the winner: a pooled pixel a row, an element of the kernel a
/// column.
template <class T>
struct KernelGradientTerm {
  const T *x, *dpooled;
  const uint8_t* winner;
  ConvPoolGeometry g;
  __device__ double operator()(int64_t pixel, int64_t column) const {
    int64_t f = column / g.taps(), tap = column % g.taps();
    uint8_t code = winner[pixel * g.filters + f];
    if (code == cut) return 0;
    int64_t at = g.first(pixel / g.pooled_width) + g.offset(pixel % g.pooled_width, code, g.row_length()) +
                 tap / g.run() * g.row_length() + tap % g.run();
    return static_cast<double>(dpooled[pixel * g.filters + f] * x[at]);
  }
};

template <class T>
struct BiasGradientTerm {
  const T* dpooled;
  const uint8_t* winner;
  int64_t filters;
  __device__ double operator()(int64_t pixel, int64_t f) const {
    int64_t i = pixel * filters + f;
    return winner[i] == cut ? 0.0 : static_cast<double>(dpooled[i]);
  }
};

/// An input element gathers from the convolution outputs that cover it and won their window.
template <class T>
struct BackwardInput {
  const uint8_t* winner;
  const T *dpooled, *kernel;
  ConvPoolGeometry g;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % g.channels, pixel = i / g.channels;
    int64_t ix = pixel % g.width, iy = pixel / g.width % g.height, n = pixel / (g.width * g.height);
    T sum = 0;
    for (int ky = 0; ky < g.kernel_height; ++ky) {
      int64_t oy = iy - ky;
      if (oy < 0 || oy % g.stride_y != 0 || (oy /= g.stride_y) >= 2 * g.pooled_height) continue;
      for (int kx = 0; kx < g.kernel_width; ++kx) {
        int64_t ox = ix - kx;
        if (ox < 0 || ox % g.stride_x != 0 || (ox /= g.stride_x) >= 2 * g.pooled_width) continue;
        sum += from_output(n, oy, ox, ky * g.run() + kx * g.channels + c);
      }
    }
    dx[i] = sum;
  }
  __device__ T from_output(int64_t n, int64_t oy, int64_t ox, int64_t tap) const {
    int64_t first = ((n * g.pooled_height + oy / 2) * g.pooled_width + ox / 2) * g.filters;
    int code = static_cast<int>(oy % 2 * 2 + ox % 2);
    T sum = 0;
    for (int64_t f = 0; f < g.filters; ++f)
      if (winner[first + f] == code) sum += dpooled[first + f] * kernel[f * g.taps() + tap];
    return sum;
  }
};

}  // namespace

void conv_relu_pool_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const WindowGeometry& conv, const Tensor& pooled, const Tensor& winner) {
  const Context& context = context_of(x);
  ConvPoolGeometry g = conv_pool_geometry(conv, kernel.shape()[0]);
  if (pooled.elements() == 0) return;
  if (window_forward_tf32(x, kernel, bias, conv, pooled, winner) ||
      window_forward(x, kernel, bias, conv, pooled, winner))
    return;
  visit_float(x.dtype(), "conv_relu_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(context, pooled.elements(),
             Forward<T>{x.data<T>(), kernel.data<T>(), data_or_null<T>(bias), g, pooled.mutable_data<T>(),
                        winner.mutable_data<uint8_t>()});
  });
}

void conv_relu_pool_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled,
                             const WindowGeometry& conv, const Tensor& dkernel, const Tensor& dbias) {
  if (dpooled.elements() > 0 && (window_backward_tf32(x, winner, dpooled, conv, dkernel, dbias) ||
                                 window_backward(x, winner, dpooled, conv, dkernel, dbias)))
    return;
  ConvPoolGeometry g = conv_pool_geometry(conv, dpooled.shape()[3]);
  visit_float(x.dtype(), "conv_relu_pool", [&](auto zero) {
    using T = decltype(zero);
    int64_t pixels = dpooled.shape().rows();
    if (dkernel.defined())
      column_sums<double>(x, pixels, dkernel.elements(),
                          KernelGradientTerm<T>{x.data<T>(), dpooled.data<T>(), winner.data<uint8_t>(), g},
                          StoreSum<T>{dkernel.mutable_data<T>()});
    if (dbias.defined())
      column_sums<double>(x, pixels, g.filters,
                          BiasGradientTerm<T>{dpooled.data<T>(), winner.data<uint8_t>(), g.filters},
                          StoreSum<T>{dbias.mutable_data<T>()});
  });
}

void conv_relu_pool_backward_input(const Tensor& winner, const Tensor& dpooled, const Tensor& kernel,
                                   const WindowGeometry& conv, const Tensor& dx) {
  ConvPoolGeometry g = conv_pool_geometry(conv, dpooled.shape()[3]);
  visit_float(dx.dtype(), "conv_relu_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dx), dx.elements(),
             BackwardInput<T>{winner.data<uint8_t>(), dpooled.data<T>(), kernel.data<T>(), g,
                              dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
