#pragma once

#include "manul/ops/losses/loss.h"

namespace manul {

/// What dense_loss() computes: the mean loss, a scalar, and the logits [N, units].
struct DenseLoss {
  Tensor loss, logits;
};

/// loss_from_logits(loss, x · kernel + bias, labels) for x [N, in], kernel [in, units], bias [units] or
/// undefined. Defined by dense and loss_from_logits. All gradients are computed with the value, in one launch
/// on a GPU, those of leaves into their own memory: nothing else may use a leaf's gradient before the tape's
/// backward().
DenseLoss dense_loss(Loss loss, const Tensor& x, const Tensor& kernel, const Tensor& bias,
                     const Tensor& labels);

/// True if dense_loss() is faster than its parts: on a GPU, for few units and no more rows than one launch
/// can add up.
bool dense_loss_pays(const Tensor& x, int64_t units);

/// Writes loss, logits, and d loss / d logits; dx, dkernel and dbias may be undefined: not wanted.
MANUL_KERNEL(dense_loss,
             void(Loss loss, const Tensor& x, const Tensor& kernel, const Tensor& bias, const Tensor& labels,
                  const Tensor& value, const Tensor& logits, const Tensor& dlogits, const Tensor& dx,
                  const Tensor& dkernel, const Tensor& dbias));

}  // namespace manul
