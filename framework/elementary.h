#pragma once

#include "manul/framework/kernel.h"

namespace manul {

// The arithmetic that tensors and tapes themselves need. Everything else is an op.

/// y += x, elementwise, floats.
MANUL_KERNEL_TAKING_BF16(on_cuda, accumulate, void(const Tensor& x, const Tensor& y));
/// y = value in every element, any dtype.
MANUL_KERNEL_TAKING_BF16(everywhere, fill, void(double value, const Tensor& y));
/// y = x, elementwise, from any dtype to floats.
MANUL_KERNEL_TAKING_BF16(everywhere, convert, void(const Tensor& x, const Tensor& y));

}  // namespace manul
