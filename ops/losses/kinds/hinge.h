#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Hinge: the mean of max(1 - y p, 0), of labels -1 and 1; if all are 0 or 1, 0 stands for -1.
struct Hinge {
  operator LossSpec() const {
    return {"hinge", "Hinge", {}, {}, [](const Tensor& y, const Tensor& p) {
              return mean_of_rows(maximum(scale(multiply(signs(y), p), -1, 1), 0));
            }};
  }
};

inline const bool hinge_is_registered = register_loss<Hinge>();

}  // namespace manul
