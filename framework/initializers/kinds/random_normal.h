#pragma once

#include <array>

#include "manul/framework/initializers/initializer_of.h"

namespace manul {

/// Keras' RandomNormal.
struct RandomNormal {
  static constexpr const char* class_name = "RandomNormal";
  static constexpr std::array aliases{"normal"};
  double mean = 0;
  double stddev = 0.05;
  std::optional<int64_t> seed = {};

  void describe(auto& description) {
    description.option("mean", mean);
    description.option("stddev", stddev, {.least = 0});
    description.option("seed", seed);
  }
  std::vector<double> operator()(Drawing& drawing) const {
    return drawing.each([&] { return mean + stddev * drawing.normal(); });
  }
};

}  // namespace manul
