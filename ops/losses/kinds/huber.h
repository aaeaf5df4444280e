#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Huber: (y - p)^2 / 2 where |y - p| is at most delta, else delta |y - p| - delta^2 / 2; the mean.
struct Huber {
  double delta = 1;

  void describe(auto& description) { description.option("delta", delta); }
  operator LossSpec() const {
    return {"huber",
            "Huber",
            {"huber_loss"},
            options_of(*this),
            [delta = delta](const Tensor& y, const Tensor& p) {
              Tensor error = abs(subtract(p, y)), near = minimum(error, delta);
              return mean_of_rows(add(scale(square(near), 0.5), scale(subtract(error, near), delta)));
            }};
  }
};

inline const bool huber_is_registered = register_loss<Huber>();

}  // namespace manul
