#pragma once

#include "manul/framework/host_device.h"
#include "manul/framework/kernel.h"
#include "manul/ops/normalize/axis_range.h"

namespace manul {

/// gamma * (x - mean) / sqrt(variance + epsilon) + beta with mean and biased variance over a range of axes,
/// one of each for every place of the others (Ba, Kiros and Hinton 2016). gamma and beta have the shape of
/// the range, or are undefined. f32 or f64.
Tensor layer_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, AxisRange axes,
                       double epsilon);

/// x [N, .., C] (or, with `channel_axis` 1, [N, C, ..]): the same over all pixels and each of `groups` parts
/// of the channels of each sample (Wu and He 2018); gamma and beta are [C] or undefined.
Tensor group_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t groups,
                       double epsilon, int channel_axis = -1);

/// x as [samples, rows, groups, columns]: a mean and a variance for each sample and group. Elements i with i
/// / step % parameters == p have parameter p.
struct NormalizedGroups {
  int64_t samples, rows, groups, columns, parameters, step;

  MANUL_HOST_DEVICE int64_t group_of(int64_t i) const {
    return i / (rows * groups * columns) * groups + i / columns % groups;
  }
  MANUL_HOST_DEVICE int64_t parameter_of(int64_t i) const { return i / step % parameters; }
  /// Element `k` of those that have parameter p.
  MANUL_HOST_DEVICE int64_t element_with(int64_t p, int64_t k) const {
    return (k / step * parameters + p) * step + k % step;
  }
};

/// The statistics of each group, and what is normalized by them.
MANUL_KERNEL_TAKING_BF16(on_cuda, group_normalize_forward,
                         void(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                              const NormalizedGroups& groups, double epsilon, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& y));
/// dx, dgamma and dbeta may be undefined: not wanted. `addend`, if there is one, is added to dx.
MANUL_KERNEL_TAKING_BF16(on_cuda, group_normalize_backward,
                         void(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& addend,
                              const NormalizedGroups& groups, const Tensor& dx, const Tensor& dgamma,
                              const Tensor& dbeta));

}  // namespace manul
