#pragma once

#include <array>

#include "manul/framework/kernel.h"
#include "manul/ops/geometry/border.h"

namespace manul {

/// x [N, H, W, C] with a border of zeros: `rows` above and below, `columns` left and right.
Tensor zero_pad2d(const Tensor& x, Border rows, Border columns);
/// x [N, H, W, C] without its outer rows and columns. Throws if nothing is left.
Tensor crop2d(const Tensor& x, Border rows, Border columns);

/// y[n, row, column, c] = x[n, row - shift[0], column - shift[1], c], and 0 where x has nothing.
MANUL_KERNEL_TAKING_BF16(on_cuda, shift2d,
                         void(const Tensor& x, const std::array<int64_t, 2>& shift, const Tensor& y));

}  // namespace manul
