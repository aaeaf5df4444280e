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

using BatchNormalizeFunction = void(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                    const Tensor& mean, const Tensor& variance, double epsilon,
                                    const Tensor& y);
/// mean and inverse deviation 1 / sqrt(variance + epsilon) of each channel, kept for the gradient, [C] each.
using BatchStatisticsFunction = void(const Tensor& x, double epsilon, double momentum,
                                     const Tensor& moving_mean, const Tensor& moving_variance,
                                     const Tensor& mean, const Tensor& inverse_deviation);
using BatchNormalizeTrainingFunction = void(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                            const Tensor& mean, const Tensor& inverse_deviation,
                                            const Tensor& y);
/// Any of dx, dgamma, dbeta may be undefined: not wanted.
using BatchNormalizeBackwardFunction = void(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                                            const Tensor& inverse_deviation, const Tensor& dy,
                                            const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta);

namespace cpu {
BatchNormalizeFunction batch_normalize;
BatchStatisticsFunction batch_statistics;
BatchNormalizeTrainingFunction batch_normalize_training;
BatchNormalizeBackwardFunction batch_normalize_backward;
}  // namespace cpu
namespace cuda {
BatchNormalizeFunction batch_normalize;
BatchStatisticsFunction batch_statistics;
BatchNormalizeTrainingFunction batch_normalize_training;
BatchNormalizeBackwardFunction batch_normalize_backward;
}  // namespace cuda

inline constexpr Kernel batch_normalize_kernel{"batch_normalize", cpu::batch_normalize,
                                               MANUL_CUDA(cuda::batch_normalize)};
inline constexpr Kernel batch_statistics_kernel{"batch_statistics", cpu::batch_statistics,
                                                MANUL_CUDA(cuda::batch_statistics)};
inline constexpr Kernel batch_normalize_training_kernel{
    "batch_normalize_training", cpu::batch_normalize_training, MANUL_CUDA(cuda::batch_normalize_training)};
inline constexpr Kernel batch_normalize_backward_kernel{
    "batch_normalize_backward", cpu::batch_normalize_backward, MANUL_CUDA(cuda::batch_normalize_backward)};

}  // namespace manul
