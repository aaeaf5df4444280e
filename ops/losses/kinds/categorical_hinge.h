#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"

namespace manul {

/// Keras' CategoricalHinge: max(0, 1 + the largest (1 - y) p - the sum of y p), of each row of the last axis.
struct CategoricalHinge {
  operator LossSpec() const {
    return {"categorical_hinge", "CategoricalHinge", {}, {}, [](const Tensor& y, const Tensor& p) {
              Tensor right = sum(multiply(y, p), -1), wrong = max(multiply(scale(y, -1, 1), p), -1);
              return maximum(scale(subtract(wrong, right), 1, 1), 0);
            }};
  }
};

inline const bool categorical_hinge_is_registered = register_loss<CategoricalHinge>();

}  // namespace manul
