#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Huber: (y - p)^2 / 2 where |y - p| is at most delta, else delta |y - p| - delta^2 / 2; the mean.
struct Huber {
  double delta = 1;

  operator LossSpec() const {
    return {"huber",
            "Huber",
            {"huber_loss"},
            {{"delta", delta}},
            [delta = delta](const Tensor& y, const Tensor& p) {
              Tensor error = absolute(subtract(p, y)), near = at_most(error, delta);
              return mean_of_rows(add(scale(square(near), 0.5), scale(subtract(error, near), delta)));
            }};
  }
  static Huber from_options(const LossSpec::Options& options) { return {option(options, "delta", 1)}; }
};

inline const bool huber_is_registered = register_loss<Huber>();

}  // namespace manul
