#pragma once

#include "manul/framework/kernel.h"

namespace manul {

// The arithmetic that tensors and tapes themselves need. Everything else is an op.

/// y += x, elementwise, f32 and f64.
MANUL_KERNEL(accumulate, void(const Tensor& x, const Tensor& y));
/// y = value in every element, any dtype.
MANUL_KERNEL(fill, void(double value, const Tensor& y));

}  // namespace manul
