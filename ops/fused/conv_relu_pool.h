#pragma once

#include "manul/ops/conv/conv2d.h"
#include "manul/ops/pool/pool2d.h"

namespace manul {

/// max_pool2d(relu(conv2d(x, kernel, bias, conv)), pool) for 2x2 pooling with stride 2 and no padding, in one
/// pass that keeps the pooled value and one byte for the winner, never the convolution's output. Defined by
/// those three ops: their result within rounding, their gradient at ties. Falls back to them where
/// conv_relu_pool_fits() is false. Where it is true of x with the borders of `conv` around it, those are
/// copied.
Tensor conv_relu_pool(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2DOptions& conv,
                      const Pool2DOptions& pool);

/// True for the shapes the fused kernels take: 2x2 pooling as above, valid convolution without dilation and
/// borders, few input channels (the gather through the winner costs more than a product where there are
/// many).
bool conv_relu_pool_fits(const Shape& x, const Shape& kernel, const Conv2DOptions& conv,
                         const Pool2DOptions& pool);

/// `winner` has a code for each pooled value, u8 in the shape of the pooled output: 0 to 3 for the position
/// within the 2x2 window in row-major order, or this where relu cut all four to zero.
inline constexpr uint8_t cut = 4;

/// The pooled values and their winners; `bias` may be undefined.
MANUL_KERNEL(conv_relu_pool_forward,
             void(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& conv,
                  const Tensor& pooled, const Tensor& winner));
/// dkernel and dbias (either may be undefined: not wanted) from the gradient of the pooled output.
MANUL_KERNEL(conv_relu_pool_backward,
             void(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const WindowGeometry& conv,
                  const Tensor& dkernel, const Tensor& dbias));
/// dx, for a convolution that is not the first layer.
MANUL_KERNEL(conv_relu_pool_backward_input,
             void(const Tensor& winner, const Tensor& dpooled, const Tensor& kernel,
                  const WindowGeometry& conv, const Tensor& dx));

}  // namespace manul
