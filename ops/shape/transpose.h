#pragma once

#include <vector>

#include "manul/framework/kernel.h"

namespace manul {

/// [M, N] -> [N, M]
Tensor transpose(const Tensor& x);
/// Axis i of the result is axis axes[i] of x. Any dtype.
Tensor transpose(const Tensor& x, const std::vector<int>& axes);

/// x [B, M, N] -> y [B, N, M]
MANUL_KERNEL_TAKING_BF16(everywhere, transpose, void(const Tensor& x, const Tensor& y));

}  // namespace manul
