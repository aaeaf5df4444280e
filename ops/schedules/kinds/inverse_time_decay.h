#pragma once

#include "manul/ops/schedules/schedule_of.h"

namespace manul {

/// Keras' InverseTimeDecay: initial_learning_rate / (1 + decay_rate * step / decay_steps); with `staircase`
/// the quotient step / decay_steps is rounded down. With decay_steps = 1 it is `decay` of Keras' older
/// optimizers.
struct InverseTimeDecay {
  static constexpr const char* class_name = "InverseTimeDecay";
  double initial_learning_rate = 0.001;
  int64_t decay_steps = 1;
  double decay_rate = 0;
  bool staircase = false;

  void describe(auto& description) {
    description.required("initial_learning_rate", initial_learning_rate);
    description.required("decay_steps", decay_steps, {.least = 1});
    description.required("decay_rate", decay_rate);
    description.option("staircase", staircase);
  }
  MANUL_HOST_DEVICE float operator()(float step) const {
    float part = step / static_cast<float>(decay_steps);
    if (staircase) part = std::floor(part);
    return static_cast<float>(initial_learning_rate) / (1 + static_cast<float>(decay_rate) * part);
  }
};

}  // namespace manul
