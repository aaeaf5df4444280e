#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// exp(x - max) / sum over the last axis.
Tensor softmax(const Tensor& x);
/// Its logarithm, without overflow or log of 0: x - max - log(sum of exp(x - max)).
Tensor log_softmax(const Tensor& x);

MANUL_KERNEL_TAKING_BF16(on_cuda, softmax, void(const Tensor& x, const Tensor& y));
/// dx = y * (dy - sum(y * dy))
MANUL_KERNEL_TAKING_BF16(on_cuda, softmax_backward,
                         void(const Tensor& y, const Tensor& dy, const Tensor& dx));
MANUL_KERNEL_TAKING_BF16(on_cuda, log_softmax, void(const Tensor& x, const Tensor& y));
/// dx = dy - exp(y) * sum(dy)
MANUL_KERNEL_TAKING_BF16(on_cuda, log_softmax_backward,
                         void(const Tensor& y, const Tensor& dy, const Tensor& dx));

}  // namespace manul
