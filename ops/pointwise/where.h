#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// a where the condition is not 0, else b, f32 or f64. The result has the shape of the largest of the three;
/// the others have it too, or one element, or its last axes, along which they are repeated. The condition has
/// any dtype and no gradient; greater() and the other comparisons make one.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

/// a or b undefined: zeros in its place.
MANUL_KERNEL(where, void(const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y));

}  // namespace manul
