#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/conv/window.h"

namespace manul {

struct Conv2DOptions {
  std::array<int64_t, 2> strides{1, 1};
  Padding padding = Padding::valid;
  std::array<int64_t, 2> dilation{1, 1};
};

/// Cross-correlation: x [N, H, W, C], kernel [filters, kh, kw, C] (OHWI), bias [filters] or undefined
/// -> [N, OH, OW, filters], f32 or f64.
Tensor conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2DOptions& options = {});

using Conv2DForwardFunction = void(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                   const WindowGeometry& geometry, const Tensor& y);
using Conv2DBackwardInputFunction = void(const Tensor& dy, const Tensor& kernel,
                                         const WindowGeometry& geometry, const Tensor& dx);
/// dkernel and dbias (either may be undefined: not wanted).
using Conv2DBackwardKernelFunction = void(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                                          const Tensor& dkernel, const Tensor& dbias);

namespace cpu {
Conv2DForwardFunction conv2d_forward;
Conv2DBackwardInputFunction conv2d_backward_input;
Conv2DBackwardKernelFunction conv2d_backward_kernel;
}  // namespace cpu
namespace cuda {
Conv2DForwardFunction conv2d_forward;
Conv2DBackwardInputFunction conv2d_backward_input;
Conv2DBackwardKernelFunction conv2d_backward_kernel;
}  // namespace cuda

inline constexpr Kernel conv2d_forward_kernel{"conv2d_forward", cpu::conv2d_forward,
                                              MANUL_CUDA(cuda::conv2d_forward)};
inline constexpr Kernel conv2d_backward_input_kernel{"conv2d_backward_input", cpu::conv2d_backward_input,
                                                     MANUL_CUDA(cuda::conv2d_backward_input)};
inline constexpr Kernel conv2d_backward_kernel_kernel{"conv2d_backward_kernel", cpu::conv2d_backward_kernel,
                                                      MANUL_CUDA(cuda::conv2d_backward_kernel)};

}  // namespace manul
