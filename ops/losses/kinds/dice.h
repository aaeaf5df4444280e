#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Dice: 1 - 2 sum(y p) / (sum(y) + sum(p) + 1e-7), over the whole batch or, with axis = {1, 2, 3},
/// over each sample.
struct Dice {
  std::vector<double> axis = {};

  void describe(auto& description) { description.option("axis", axis); }
  operator LossSpec() const {
    return {"dice", "Dice", {}, options_of(*this), [axis = axis](const Tensor& y, const Tensor& p) {
              Tensor both = sums_over(multiply(y, p), axis), all = sums_over(add(y, p), axis);
              return scale(divide(both, scale(all, 1, 1e-7)), -2, 1);
            }};
  }
};

inline const bool dice_is_registered = register_loss<Dice>();

}  // namespace manul
