#pragma once

#include "manul/ops/schedules/schedule_of.h"

namespace manul {

/// Keras' PolynomialDecay: (initial_learning_rate - end_learning_rate) * (1 - step / decay_steps)^power +
/// end_learning_rate; after decay_steps the end rate, or with `cycle` decay over the next multiple of them.
struct PolynomialDecay {
  static constexpr const char* class_name = "PolynomialDecay";
  double initial_learning_rate = 0.001;
  int64_t decay_steps = 1000;
  double end_learning_rate = 0.0001;
  double power = 1;
  bool cycle = false;

  void describe(auto& description) {
    description.required("initial_learning_rate", initial_learning_rate);
    description.required("decay_steps", decay_steps, {.least = 1});
    description.option("end_learning_rate", end_learning_rate);
    description.option("power", power);
    description.option("cycle", cycle);
  }
  MANUL_HOST_DEVICE float operator()(float step) const {
    auto steps = static_cast<float>(decay_steps), end = static_cast<float>(end_learning_rate);
    if (cycle)
      steps *= step == 0 ? 1.0F : std::ceil(step / steps);
    else
      step = step < steps ? step : steps;
    float left = std::pow(1 - step / steps, static_cast<float>(power));
    return (static_cast<float>(initial_learning_rate) - end) * left + end;
  }
};

}  // namespace manul
