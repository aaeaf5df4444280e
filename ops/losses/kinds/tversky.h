#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Tversky: 1 - s / (s + alpha sum(y (1 - p)) + beta sum(p (1 - y)) + 1e-7) with s = sum(y p), over
/// the whole batch or, with axis = {1, 2, 3}, over each sample.
struct Tversky {
  double alpha = 0.5, beta = 0.5;
  std::vector<double> axis = {};

  void describe(auto& description) {
    description.option("alpha", alpha);
    description.option("beta", beta);
    description.option("axis", axis);
  }
  Tensor values(const Tensor& y, const Tensor& p) const {
    Tensor both = multiply(y, p), shared = sums_over(both, axis);
    Tensor missed = sums_over(subtract(y, both), axis), too_many = sums_over(subtract(p, both), axis);
    Tensor all = add(shared, add(scale(missed, alpha), scale(too_many, beta, 1e-7)));
    return scale(divide(shared, all), -1, 1);
  }
  operator LossSpec() const {
    return {"tversky", "Tversky", {}, options_of(*this), [loss = *this](const Tensor& y, const Tensor& p) {
              return loss.values(y, p);
            }};
  }
};

inline const bool tversky_is_registered = register_loss<Tversky>();

}  // namespace manul
