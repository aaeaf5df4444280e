#pragma once

#include "manul/framework/initializers/initializer_of.h"

namespace manul {

/// Keras' TruncatedNormal: as RandomNormal, drawn again beyond two deviations.
struct TruncatedNormal {
  static constexpr const char* class_name = "TruncatedNormal";
  double mean = 0;
  double stddev = 0.05;
  std::optional<int64_t> seed = {};

  void describe(auto& description) {
    description.option("mean", mean);
    description.option("stddev", stddev, {.least = 0});
    description.option("seed", seed);
  }
  std::vector<double> operator()(Drawing& drawing) const {
    return drawing.each([&] { return mean + stddev * drawing.truncated_normal(); });
  }
};

}  // namespace manul
