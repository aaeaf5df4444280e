#pragma once

#include <cmath>

#include "manul/ops/schedules/own_schedule.h"

namespace mine {
using namespace manul;

/// Half the rate after every so many steps.
struct Halving {
  static constexpr const char* class_name = "Mine>Halving";
  double initial_learning_rate = 0.001;
  int64_t every = 1000;

  void describe(auto& description) {
    description.required("initial_learning_rate", initial_learning_rate);
    description.required("every", every, at_least(1));
  }
  MANUL_HOST_DEVICE float operator()(float step) const {
    float halvings = std::floor(step / static_cast<float>(every));
    return static_cast<float>(initial_learning_rate) * std::exp2(-halvings);
  }
};
inline const ScheduleRegistration<Halving> halving_registration;
}  // namespace mine
