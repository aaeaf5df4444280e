#pragma once

#include "manul/framework/tensor.h"
#include "manul/ops/conv/window.h"

// conv_relu_pool in f32 for the windows of first layers over pictures, compiled each with its size.
namespace manul::cuda {

/// conv_relu_pool_forward (see conv_relu_pool.h). False, and nothing is done, if there is no kernel for the
/// window or the tensors do not fit.
bool window_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& conv,
                    const Tensor& pooled, const Tensor& winner);

/// conv_relu_pool_backward. False, and nothing is done, as above.
bool window_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const WindowGeometry& conv,
                     const Tensor& dkernel, const Tensor& dbias);

/// The same on tensor cores, inputs rounded to TF32. False, and nothing is done, as above, where TF32 is not
/// allowed, or where there are too few pixels to gain by it.
bool window_forward_tf32(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const WindowGeometry& conv, const Tensor& pooled, const Tensor& winner);
bool window_backward_tf32(const Tensor& x, const Tensor& winner, const Tensor& dpooled,
                          const WindowGeometry& conv, const Tensor& dkernel, const Tensor& dbias);

}  // namespace manul::cuda
