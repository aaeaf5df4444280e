#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' SquaredHinge: the mean of max(1 - y p, 0)^2, of labels -1 and 1; if all are 0 or 1, 0 stands for
/// -1.
struct SquaredHinge {
  operator LossSpec() const {
    return {"squared_hinge", "SquaredHinge", {}, {}, [](const Tensor& y, const Tensor& p) {
              return mean_of_rows(square(maximum(scale(multiply(signs(y), p), -1, 1), 0)));
            }};
  }
};

inline const bool squared_hinge_is_registered = register_loss<SquaredHinge>();

}  // namespace manul
