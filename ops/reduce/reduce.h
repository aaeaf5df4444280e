#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// Sum or mean of all elements, as a scalar (shape []); f32 or f64. Added in a fixed order, in f64.
Tensor sum(const Tensor& x);
Tensor mean(const Tensor& x);

/// y = scale * sum of x.
MANUL_KERNEL(sum, void(const Tensor& x, double scale, const Tensor& y));
/// Every element of dx = scale * dy, a scalar.
MANUL_KERNEL(sum_backward, void(const Tensor& dy, double scale, const Tensor& dx));

}  // namespace manul
