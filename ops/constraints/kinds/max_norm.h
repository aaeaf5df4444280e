#pragma once

#include "manul/ops/constraints/norm_axes.h"

namespace manul {

/// Keras' MaxNorm: norms over the axes (of Keras' layout) are at most max_value.
struct MaxNorm {
  static constexpr const char* class_name = "MaxNorm";
  double max_value = 2;
  NormAxes axis = 0;

  void describe(auto& description) {
    description.option({"max_value", "m"}, max_value, {.least = 0});
    description.option("axis", axis);
  }
  void operator()(const Tensor& weight) const {
    limit_norms_kernel(weight, NormWalk(weight.shape(), axis.values), NormLimits{.most = max_value});
  }
};

}  // namespace manul
