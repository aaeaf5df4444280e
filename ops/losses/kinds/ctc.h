#pragma once

#include "manul/ops/losses/loss_spec.h"

namespace manul {

/// Keras' CTC (Graves et al. 2006), of logits [N, steps, classes] and the classes that are to be read, in
/// order and without places, [N, most]: class 0 is the blank, and what fills up shorter rows. The value is
/// the negative logarithm of the probability of all ways to read them. Where there are more classes to be
/// read than steps the value is 1e30, without a gradient.
struct CTC {
  Tensor values(const Tensor& labels, const Tensor& logits) const;
  operator LossSpec() const;
};

inline const bool ctc_is_registered = register_loss<CTC>();

}  // namespace manul
