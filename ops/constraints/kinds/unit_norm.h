#pragma once

#include "manul/ops/constraints/norm_axes.h"

namespace manul {

/// Keras' UnitNorm: norms over the axes (of Keras' layout) are 1.
struct UnitNorm {
  static constexpr const char* class_name = "UnitNorm";
  NormAxes axis = 0;

  void describe(auto& description) { description.option("axis", axis); }
  void operator()(const Tensor& weight) const {
    limit_norms_kernel(weight, NormWalk(weight.shape(), axis.values), NormLimits{.least = 1, .most = 1});
  }
};

}  // namespace manul
