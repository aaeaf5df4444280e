#pragma once

#include "manul/ops/regularizers/penalties.h"

namespace manul {

/// Keras' L1L2: l1 * sum |w| + l2 * sum w².
struct L1L2 {
  static constexpr const char* class_name = "L1L2";
  double l1 = 0;
  double l2 = 0;

  void describe(auto& description) {
    description.option("l1", l1);
    description.option("l2", l2);
  }
  Tensor operator()(const Tensor& weight) const {
    Tensor squares = scale(sum(square(weight)), l2);
    return l1 == 0 ? squares : add(scale(sum_of_sizes(weight), l1), squares);
  }
};

}  // namespace manul
