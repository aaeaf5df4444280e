#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// gamma * (x - mean) / sqrt(variance + epsilon) + beta per channel (last axis) of x [.., C]; mean and
/// variance are given: inference. gamma and beta [C] may be undefined (1 and 0).
Tensor batch_normalize_inference(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                                 const Tensor& variance, double epsilon);

/// The same with the batch's own mean and biased variance, with the gradient through both; updates
/// moving = momentum * moving + (1 - momentum) * batch in place (Keras 3: the biased variance).
Tensor batch_normalize_training(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                const Tensor& moving_mean, const Tensor& moving_variance, double epsilon,
                                double momentum);

/// A moving statistic, or a copy of it for a checkpoint that runs again: the first run has moved it.
Tensor to_be_moved(const Tensor& moving);

/// Throws unless the parameters, where they are defined, are of x's type and [C].
void check_normalization(const char* operation, const Tensor& x,
                         std::initializer_list<const Tensor*> parameters);

MANUL_KERNEL_TAKING_BF16(on_cuda, batch_normalize,
                         void(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& variance, double epsilon, const Tensor& y));
/// mean and inverse deviation 1 / sqrt(variance + epsilon) of each channel, kept for the gradient, [C] each.
MANUL_KERNEL_TAKING_BF16(on_cuda, batch_statistics,
                         void(const Tensor& x, double epsilon, double momentum, const Tensor& moving_mean,
                              const Tensor& moving_variance, const Tensor& mean,
                              const Tensor& inverse_deviation));
MANUL_KERNEL_TAKING_BF16(on_cuda, batch_normalize_training,
                         void(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& y));
/// Any of dx, dgamma, dbeta may be undefined: not wanted.
MANUL_KERNEL_TAKING_BF16(on_cuda, batch_normalize_backward,
                         void(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& dx,
                              const Tensor& dgamma, const Tensor& dbeta));

}  // namespace manul
