#pragma once

#include "ops/pointwise.h"

namespace manul {

/// [M, K] x [K, N] -> [M, N], f32 or f64. Throws if the inner lengths differ.
Tensor matmul(const Tensor& a, const Tensor& b);

/// activation(x · kernel + bias): x [N, in], kernel [in, units], bias [units] or undefined -> [N, units].
/// Defined by matmul, add and activate; computed in one pass (softmax as a pass of its own).
Tensor dense(const Tensor& x, const Tensor& kernel, const Tensor& bias,
             Activation activation = Activation::linear);

enum class Transpose { none, a, b };

/// y = op(a) · op(b); the marked operand is read transposed: a [K, M] or b [N, K].
using MatmulFunction = void(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y);
/// y = activation(x · kernel + bias) for linear, relu, sigmoid, tanh; bias may be undefined.
using DenseFunction = void(const Tensor& x, const Tensor& kernel, const Tensor& bias, Activation activation,
                           const Tensor& y);
/// dz = dy * activation'(z), expressed by the output y; dz may be the memory of dy.
using ActivationBackwardFunction = void(Activation activation, const Tensor& y, const Tensor& dy,
                                        const Tensor& dz);
/// dkernel = xᵀ · dz [in, units], dbias = column sums of dz (either may be undefined: not wanted).
using DenseBackwardKernelFunction = void(const Tensor& x, const Tensor& dz, const Tensor& dkernel,
                                         const Tensor& dbias);

namespace cpu {
MatmulFunction matmul;
DenseFunction dense_forward;
ActivationBackwardFunction activation_backward;
DenseBackwardKernelFunction dense_backward_kernel;
}  // namespace cpu
namespace cuda {
MatmulFunction matmul;
DenseFunction dense_forward;
ActivationBackwardFunction activation_backward;
DenseBackwardKernelFunction dense_backward_kernel;
}  // namespace cuda

inline constexpr Kernel matmul_kernel{"matmul", cpu::matmul, MANUL_CUDA(cuda::matmul)};
inline constexpr Kernel dense_forward_kernel{"dense_forward", cpu::dense_forward,
                                             MANUL_CUDA(cuda::dense_forward)};
inline constexpr Kernel activation_backward_kernel{"activation_backward", cpu::activation_backward,
                                                   MANUL_CUDA(cuda::activation_backward)};
inline constexpr Kernel dense_backward_kernel_kernel{"dense_backward_kernel", cpu::dense_backward_kernel,
                                                     MANUL_CUDA(cuda::dense_backward_kernel)};

}  // namespace manul
