#pragma once

#include "manul/ops/regularizers/penalties.h"

namespace manul {

/// Keras' L2: l2 * sum w².
struct L2 {
  static constexpr const char* class_name = "L2";
  double l2 = 0.01;

  void describe(auto& description) { description.option({"l2", "l"}, l2); }
  Tensor operator()(const Tensor& weight) const { return scale(sum(square(weight)), l2); }
};

}  // namespace manul
