#pragma once

#include "manul/ops/dense/matmul.h"

namespace manul {

/// [.., M, K] x [.., K, N] -> [.., M, N], f32 or f64: a product for each place of the leading axes, which
/// are alike or repeat as in broadcast_to(). With `transpose` the last two axes of a or b are read the other
/// way round: a [.., K, M] or b [.., N, K].
Tensor batch_matmul(const Tensor& a, const Tensor& b, Transpose transpose = Transpose::none);

/// a, b and y have three axes.
MANUL_KERNEL_TAKING_BF16(on_cuda, batch_matmul,
                         void(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y));

}  // namespace manul
