#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Poisson: the mean of p - y log(p + 1e-7).
struct Poisson {
  operator LossSpec() const {
    return {"poisson", "Poisson", {}, {}, [](const Tensor& y, const Tensor& p) {
              return mean_of_rows(subtract(p, multiply(y, log(scale(p, 1, 1e-7)))));
            }};
  }
};

inline const bool poisson_is_registered = register_loss<Poisson>();

}  // namespace manul
