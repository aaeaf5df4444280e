#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' MeanAbsolutePercentageError: the mean of 100 |y - p| / max(|y|, 1e-7).
struct MeanAbsolutePercentageError {
  operator LossSpec() const {
    return {"mean_absolute_percentage_error",
            "MeanAbsolutePercentageError",
            {"mape", "MAPE"},
            {},
            [](const Tensor& y, const Tensor& p) {
              return scale(mean_of_rows(divide(abs(subtract(y, p)), maximum(abs(y), 1e-7))), 100);
            }};
  }
};

inline const bool mean_absolute_percentage_error_is_registered = register_loss<MeanAbsolutePercentageError>();

}  // namespace manul
