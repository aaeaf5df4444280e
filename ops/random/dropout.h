#pragma once

#include "manul/framework/kernel.h"
#include "manul/framework/step.h"

namespace manul {

/// Zeroes each element with probability `rate` and divides the others by 1 - rate, as Keras does in training.
/// The choice is a function of (seed and iteration of `state`, `stream`, element of the whole batch):
/// `stream` is random_key of the layer's path. Throws unless 0 <= rate < 1; rate 0 returns x itself.
Tensor dropout(const Tensor& x, double rate, const DeviceStepState& state, uint64_t stream);

/// y from x, whose elements are number `first` and the following of the whole batch; with dy in place of x it
/// is the gradient.
MANUL_KERNEL(dropout, void(const Tensor& x, double rate, const Tensor& state, uint64_t stream, int64_t first,
                           const Tensor& y));

}  // namespace manul
