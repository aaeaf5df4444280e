#pragma once

#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// [M, K] x [K, N] -> [M, N], f32 or f64. Throws if the inner lengths differ.
Tensor matmul(const Tensor& a, const Tensor& b);

/// activation(x · kernel + bias): x [N, in], kernel [in, units], bias [units] or undefined -> [N, units].
/// Defined by matmul, add and activate; computed in one pass (softmax as a pass of its own).
Tensor dense(const Tensor& x, const Tensor& kernel, const Tensor& bias,
             Activation activation = Activation::linear);

enum class Transpose { none, a, b };

/// y = op(a) · op(b); the marked operand is read transposed: a [K, M] or b [N, K].
MANUL_KERNEL_TAKING_BF16(on_cuda, matmul,
                         void(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y));
/// y = activation(x · kernel + bias) for linear, relu, sigmoid, tanh; bias may be undefined.
MANUL_KERNEL_TAKING_BF16(on_cuda, dense_forward,
                         void(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              Activation activation, const Tensor& y));
/// The gradients of activation(x · kernel + bias) from its output y (undefined where linear) and dy. With
/// dz = dy * activation'(z): dx = dz · kernelᵀ, dkernel = xᵀ · dz, dbias = column sums of dz; any of the
/// three may be undefined: not wanted. `addend`, if there is one, is added to dx. With `kernel_taker` (CPU)
/// the elements of dkernel go there instead of to a tensor, after dx is computed. One slot, because on a GPU
/// each launch that waits for another costs more than the arithmetic of a small layer.
MANUL_KERNEL_TAKING_BF16(on_cuda, dense_backward,
                         void(const Tensor& x, const Tensor& kernel, Activation activation, const Tensor& y,
                              const Tensor& dy, const Tensor& addend, const Tensor& dx, const Tensor& dkernel,
                              const Tensor& dbias, const GradientTaker* kernel_taker));

}  // namespace manul
