#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/pointwise/activation.h"

namespace manul {

/// What follows a normalization in the same passes.
struct NormalizationTail {
  Tensor addend = {};  // of the input's shape; undefined: nothing is added
  Activation activation = Activation::linear;
};
/// The same of any tensor, one op after the other.
Tensor with_tail(const Tensor& x, const NormalizationTail& tail);

/// activate(add(batch_normalize_training(x, ...), addend), activation), in one pass behind that of the
/// statistics; the gradient takes two, and nothing but x (and the addend) is kept for it. Falls back to those
/// ops where normalize_activation_fits() is false.
Tensor normalize_activation_training(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                     const Tensor& moving_mean, const Tensor& moving_variance, double epsilon,
                                     double momentum, const NormalizationTail& tail);
/// The same with batch_normalize_inference(x, ...).
Tensor normalize_activation_inference(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& mean, const Tensor& variance, double epsilon,
                                      const NormalizationTail& tail);

/// One of the activations that its kernels compute, and numbers that they take as they are: f32 or f64, on a
/// GPU f32 or bf16.
bool normalize_activation_fits(const Tensor& x, Activation activation);
/// Whether the activation is one of these.
bool is_fused_in_normalization(Activation activation);

/// The passes. deviation is the inverse deviation, or with `epsilon` >= 0 the variance. The addend and any of
/// dx, dgamma, dbeta may be undefined; dz, the addend's gradient, goes with the addend.
MANUL_KERNEL_TAKING_BF16(on_cuda, normalize_activation,
                         void(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& deviation, double epsilon, const Tensor& addend,
                              Activation activation, const Tensor& y));
MANUL_KERNEL_TAKING_BF16(on_cuda, normalize_activation_backward,
                         void(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& addend, Activation activation,
                              const Tensor& dy, const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta,
                              const Tensor& dz));

}  // namespace manul
