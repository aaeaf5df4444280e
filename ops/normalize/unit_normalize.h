#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/normalize/axis_range.h"

namespace manul {

/// x / sqrt(max(sum of x^2, 1e-12)) with the sum over a range of axes; f32 or f64.
Tensor unit_normalize(const Tensor& x, AxisRange axes);

/// The sums run over `blocks.inside`.
MANUL_KERNEL(unit_normalize_forward, void(const Tensor& x, const AxisBlocks& blocks, const Tensor& y));
MANUL_KERNEL(unit_normalize_backward,
             void(const Tensor& x, const Tensor& dy, const AxisBlocks& blocks, const Tensor& dx));

}  // namespace manul
