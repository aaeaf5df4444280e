#pragma once

#include "manul/ops/dense/matmul.h"

// The products of attention, of heads that lie side by side in the rows of a sequence: nothing is transposed.
namespace manul {

/// factor * q · kᵀ of each head: q [B, T, H, D], k [B, S, H, D] -> [B, H, T, S]; f32 or f64.
Tensor heads_scores(const Tensor& q, const Tensor& k, double factor);
/// weights · v of each head: weights [B, H, T, S], v [B, S, H, D] -> [B, T, H, D].
Tensor heads_values(const Tensor& weights, const Tensor& v);

/// y = factor * op(a) · op(b) of each head. Transpose::b: a [B, T, H, D] and b [B, S, H, D], read
/// transposed, give y [B, H, T, S]. Otherwise a [B, H, T, S] ([B, H, S, T] with Transpose::a) and b
/// [B, S, H, D] give y [B, T, H, D].
MANUL_KERNEL_TAKING_BF16(on_cuda, heads_matmul,
                         void(const Tensor& a, const Tensor& b, Transpose transpose, double factor,
                              const Tensor& y));

}  // namespace manul
