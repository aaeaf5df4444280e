#pragma once

#include <array>

#include "manul/framework/initializers/initializer_of.h"

namespace manul {

/// Keras' RandomUniform: in [minval, maxval).
struct RandomUniform {
  static constexpr const char* class_name = "RandomUniform";
  static constexpr std::array aliases{"uniform"};
  double minval = -0.05;
  double maxval = 0.05;
  std::optional<int64_t> seed = {};

  void describe(auto& description) {
    description.option("minval", minval);
    description.option("maxval", maxval);
    description.option("seed", seed);
  }
  std::vector<double> operator()(Drawing& drawing) const {
    return drawing.each([&] { return drawing.uniform(minval, maxval); });
  }
};

}  // namespace manul
