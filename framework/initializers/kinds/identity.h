#pragma once

#include <algorithm>
#include <array>

#include "manul/framework/initializers/initializer_of.h"

namespace manul {

/// Keras' Identity: `gain` on the diagonal of a parameter of two axes.
struct Identity {
  static constexpr const char* class_name = "Identity";
  static constexpr std::array aliases{"IdentityInitializer"};
  double gain = 1;

  void describe(auto& description) { description.option("gain", gain); }
  std::vector<double> operator()(Drawing& drawing) const {
    check(drawing.shape.rank() == 2, "initializer: Identity wants a parameter of two axes, {} is {}",
          drawing.path, drawing.shape);
    int64_t rows = drawing.shape[0], columns = drawing.shape[1];
    std::vector<double> values(rows * columns);
    for (int64_t i = 0; i < std::min(rows, columns); ++i) values[i * columns + i] = gain;
    return values;
  }
};

}  // namespace manul
