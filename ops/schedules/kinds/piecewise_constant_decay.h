#pragma once

#include <vector>

#include "manul/ops/schedules/schedule_of.h"

namespace manul {

/// Keras' PiecewiseConstantDecay: values[0] up to boundaries[0], that step included, then values[1], and so
/// on; one value more than boundaries, of which there may be 64.
struct PiecewiseConstantDecay {
  static constexpr const char* class_name = "PiecewiseConstantDecay";
  std::vector<double> boundaries = {};
  std::vector<double> values = {0.001};

  void describe(auto& description) {
    description.required("boundaries", boundaries);
    description.required("values", values);
  }

  static constexpr size_t most = 64;
  struct Function {
    int count = 0;
    float boundaries[most] = {}, values[most + 1] = {};

    MANUL_HOST_DEVICE float operator()(float step) const {
      int i = 0;
      while (i < count && step > boundaries[i]) ++i;
      return values[i];
    }
  };
  Function function() const {
    check(values.size() == boundaries.size() + 1 && boundaries.size() <= most,
          "PiecewiseConstantDecay: {} values do not fit {} boundaries: one more, and at most {}",
          values.size(), boundaries.size(), most + 1);
    Function function{static_cast<int>(boundaries.size())};
    for (size_t i = 0; i < boundaries.size(); ++i) function.boundaries[i] = static_cast<float>(boundaries[i]);
    for (size_t i = 0; i < values.size(); ++i) function.values[i] = static_cast<float>(values[i]);
    return function;
  }
};

}  // namespace manul
