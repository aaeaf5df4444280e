#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"

namespace manul {

/// Keras' KLDivergence: the sum of y log(y / p), both clipped to [1e-7, 1].
struct KLDivergence {
  operator LossSpec() const {
    return {"kl_divergence",
            "KLDivergence",
            {"kld", "KLD", "kullback_leibler_divergence"},
            {},
            [](const Tensor& y, const Tensor& p) {
              auto clipped = [](const Tensor& x) { return clip(x, 1e-7, 1); };
              Tensor from = clipped(y), to = clipped(p);
              return sum(multiply(from, log(divide(from, to))), -1);
            }};
  }
};

inline const bool kl_divergence_is_registered = register_loss<KLDivergence>();

}  // namespace manul
