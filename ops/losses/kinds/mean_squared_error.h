#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' MeanSquaredError: the mean of (y - p)^2.
struct MeanSquaredError {
  operator LossSpec() const {
    return {
        "mean_squared_error", "MeanSquaredError", {"mse", "MSE"}, {}, [](const Tensor& y, const Tensor& p) {
          return mean_of_rows(square(subtract(p, y)));
        }};
  }
};

inline const bool mean_squared_error_is_registered = register_loss<MeanSquaredError>();

}  // namespace manul
