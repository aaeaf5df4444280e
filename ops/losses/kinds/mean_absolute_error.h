#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' MeanAbsoluteError: the mean of |y - p|.
struct MeanAbsoluteError {
  operator LossSpec() const {
    return {
        "mean_absolute_error", "MeanAbsoluteError", {"mae", "MAE"}, {}, [](const Tensor& y, const Tensor& p) {
          return mean_of_rows(abs(subtract(p, y)));
        }};
  }
};

inline const bool mean_absolute_error_is_registered = register_loss<MeanAbsoluteError>();

}  // namespace manul
