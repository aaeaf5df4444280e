#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' MeanSquaredLogarithmicError: the mean of (log(y + 1) - log(p + 1))^2, both at least 1e-7.
struct MeanSquaredLogarithmicError {
  operator LossSpec() const {
    return {"mean_squared_logarithmic_error",
            "MeanSquaredLogarithmicError",
            {"msle", "MSLE"},
            {},
            [](const Tensor& y, const Tensor& p) {
              auto logarithm = [](const Tensor& x) { return log(scale(maximum(x, 1e-7), 1, 1)); };
              return mean_of_rows(square(subtract(logarithm(p), logarithm(y))));
            }};
  }
};

inline const bool mean_squared_logarithmic_error_is_registered = register_loss<MeanSquaredLogarithmicError>();

}  // namespace manul
