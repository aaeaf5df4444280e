#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {

struct DepthwiseConv2DOptions {
  std::array<int64_t, 2> strides{1, 1};
  Padding padding = Padding::valid;
  std::array<int64_t, 2> dilation{1, 1};
  Borders2D borders = 0;  // zeros around x, as of zero_pad2d, before the window is laid over it
};

/// Every channel by its own kernels: x [N, H, W, C], kernel [kh, kw, C, multiplier], bias [C * multiplier] or
/// undefined -> [N, OH, OW, C * multiplier], f32 or f64. Output channel c * multiplier + m is channel c seen
/// through kernel m.
Tensor depthwise_conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                        const DepthwiseConv2DOptions& options = {});

MANUL_KERNEL_TAKING_BF16(on_cuda, depthwise_conv2d_forward,
                         void(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              const WindowGeometry& geometry, const Tensor& y));
MANUL_KERNEL_TAKING_BF16(on_cuda, depthwise_conv2d_backward_input,
                         void(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                              const Tensor& dx));
/// dkernel and dbias (either may be undefined: not wanted).
MANUL_KERNEL_TAKING_BF16(on_cuda, depthwise_conv2d_backward_kernel,
                         void(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                              const Tensor& dkernel, const Tensor& dbias));

}  // namespace manul
