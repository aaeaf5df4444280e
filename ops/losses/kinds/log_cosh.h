#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' LogCosh: the mean of log(cosh(p - y)).
struct LogCosh {
  operator LossSpec() const {
    return {"log_cosh", "LogCosh", {"logcosh", "LogCoshError"}, {}, [](const Tensor& y, const Tensor& p) {
              // log cosh x = |x| + log(1 + exp(-2 |x|)) - log 2
              Tensor size = abs(subtract(p, y));
              Tensor tail = log(scale(exp(scale(size, -2)), 1, 1));
              return mean_of_rows(add(size, scale(tail, 1, -0.6931471805599453)));
            }};
  }
};

inline const bool log_cosh_is_registered = register_loss<LogCosh>();

}  // namespace manul
