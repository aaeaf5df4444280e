#pragma once

#include "manul/ops/regularizers/penalties.h"

namespace manul {

/// Keras' L1: l1 * sum |w|.
struct L1 {
  static constexpr const char* class_name = "L1";
  double l1 = 0.01;

  void describe(auto& description) { description.option({"l1", "l"}, l1); }
  Tensor operator()(const Tensor& weight) const { return scale(sum_of_sizes(weight), l1); }
};

}  // namespace manul
