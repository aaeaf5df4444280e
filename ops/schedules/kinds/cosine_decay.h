#pragma once

#include <optional>

#include "manul/ops/schedules/schedule_of.h"

namespace manul {

/// Keras' CosineDecay: initial_learning_rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 +
/// alpha). With a warmup_target the rate first rises to it in a line, over warmup_steps, and decays from
/// there.
struct CosineDecay {
  static constexpr const char* class_name = "CosineDecay";
  double initial_learning_rate = 0.001;
  int64_t decay_steps = 1000;
  double alpha = 0;
  std::optional<double> warmup_target = {};
  int64_t warmup_steps = 0;

  void describe(auto& description) {
    description.required("initial_learning_rate", initial_learning_rate);
    description.required("decay_steps", decay_steps, {.least = 1});
    description.option("alpha", alpha);
    description.option("warmup_target", warmup_target);
    description.option("warmup_steps", warmup_steps, {.least = 0});
  }

  struct Function {
    float initial, decay_steps, alpha, target, warmup_steps;

    MANUL_HOST_DEVICE float operator()(float step) const {
      step = step < decay_steps + warmup_steps ? step : decay_steps + warmup_steps;
      if (step < warmup_steps) return (target - initial) * (step / warmup_steps) + initial;
      float part = (step - warmup_steps) / decay_steps;
      auto cosine = static_cast<float>(std::cos(static_cast<double>(3.14159265F * part)));
      return target * ((1 - alpha) * (0.5F * (1 + cosine)) + alpha);
    }
  };
  Function function() const {
    return {static_cast<float>(initial_learning_rate), static_cast<float>(decay_steps),
            static_cast<float>(alpha), static_cast<float>(warmup_target.value_or(initial_learning_rate)),
            warmup_target ? static_cast<float>(warmup_steps) : 0.0F};
  }
};

}  // namespace manul
