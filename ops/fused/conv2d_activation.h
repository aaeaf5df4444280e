#pragma once

#include <functional>

#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/depthwise_conv2d.h"
#include "manul/ops/fused/normalize_activation.h"

namespace manul {

/// activate(add(conv2d(x, kernel, bias, options), addend), activation): in the convolution's own pass where
/// that can be, and otherwise in one behind it, in the same memory. The activation works element by element.
/// By these ops one by one where a tape records, but for a convolution on the CPU with an activation whose
/// derivative is had from its value.
Tensor conv2d_activation(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const Conv2DOptions& options, const NormalizationTail& tail);

/// activate(depthwise_conv2d(activate(x, before), kernel, bias, options), after), for inference: on a GPU in
/// one pass where activations are among those of is_fused_in_normalization(). By these ops where a tape
/// records.
Tensor depthwise_conv2d_activation(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                   const DepthwiseConv2DOptions& options, Activation before,
                                   Activation after);

/// activate(add(y, addend), activation) in the memory of y, which nobody else may have; as ops one by one
/// where a tape records.
Tensor finish(const Tensor& y, const NormalizationTail& tail);

/// Whether it works element by element.
bool is_elementwise(Activation activation);

/// What depthwise_conv2d() checks first, and how the window lies.
WindowGeometry check_depthwise_conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                      const DepthwiseConv2DOptions& options);

/// The addend may be undefined.
MANUL_KERNEL_TAKING_BF16(on_cuda, conv2d_activation_forward,
                         void(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              const WindowGeometry& geometry, const Tensor& addend, Activation activation,
                              const Tensor& y));
MANUL_KERNEL_TAKING_BF16(on_cuda, depthwise_conv2d_activation_forward,
                         void(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              const WindowGeometry& geometry, Activation before, Activation after,
                              const Tensor& y));
/// y = activation(y + addend)
MANUL_KERNEL_TAKING_BF16(on_cuda, add_activation,
                         void(const Tensor& addend, Activation activation, const Tensor& y));

namespace cpu {
/// add_activation of a part of y, while it is in the cache: `rows` rows of `count` elements, `step` apart.
struct ElementRows {
  int64_t first, count, rows = 1, step = 0;
};
/// Null if it changes nothing.
using FinishRange = std::function<void(const ElementRows& part)>;
FinishRange finish_range(const Tensor& addend, Activation activation, const Tensor& y);
}  // namespace cpu

}  // namespace manul
