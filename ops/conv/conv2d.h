#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {

class Gradients;

struct Conv2DOptions {
  std::array<int64_t, 2> strides{1, 1};
  Padding padding = Padding::valid;
  std::array<int64_t, 2> dilation{1, 1};
  int64_t groups = 1;
  Borders2D borders = 0;  // zeros around x, as of zero_pad2d, before the window is laid over it
};

/// Cross-correlation: x [N, H, W, C], kernel [filters, kh, kw, C / groups] (OHWI), bias [filters] or
/// undefined
/// -> [N, OH, OW, filters], f32 or f64. With groups, the first C / groups channels feed the first filters /
/// groups filters, and so on; a group for each channel is a depthwise convolution and runs as one.
Tensor conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2DOptions& options = {});

/// The gradients of the inputs x, kernel and bias, as far as they are needed.
void conv2d_gradients(const Tensor& x, const Tensor& kernel, const WindowGeometry& geometry, const Tensor& dy,
                      Gradients& gradients);

/// What conv2d() checks first, and how the window lies.
WindowGeometry check_conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const Conv2DOptions& options);
/// The same of an x with this shape and dtype.
WindowGeometry check_conv2d(const Shape& x, DType dtype, const Tensor& kernel, const Tensor& bias,
                            const Conv2DOptions& options);

MANUL_KERNEL_TAKING_BF16(on_cuda, conv2d_forward,
                         void(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              const WindowGeometry& geometry, const Tensor& y));
/// Adds to dx what conv2d_backward_input writes.
MANUL_KERNEL_TAKING_BF16(on_cuda, conv2d_add_backward_input,
                         void(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                              const Tensor& dx));
MANUL_KERNEL_TAKING_BF16(on_cuda, conv2d_backward_input,
                         void(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                              const Tensor& dx));
/// dkernel and dbias (either may be undefined: not wanted).
MANUL_KERNEL_TAKING_BF16(on_cuda, conv2d_backward_kernel,
                         void(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                              const Tensor& dkernel, const Tensor& dbias));

}  // namespace manul
