#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// The same elements under another shape; no copy. Throws if the number of elements differs.
Tensor reshape(const Tensor& x, const Shape& shape);
/// [N, a, b, ..] -> [N, a * b * ..]; no copy.
Tensor flatten(const Tensor& x);
/// [M, N] -> [N, M]
Tensor transpose(const Tensor& x);

MANUL_KERNEL(transpose, void(const Tensor& x, const Tensor& y));

}  // namespace manul
