#pragma once

#include "manul/ops/constraints/norm_axes.h"

namespace manul {

/// Keras' MinMaxNorm: norms over the axes (of Keras' layout) move from where they are to between min_value
/// and max_value, by the part `rate` of the way.
struct MinMaxNorm {
  static constexpr const char* class_name = "MinMaxNorm";
  double min_value = 0;
  double max_value = 1;
  double rate = 1;
  NormAxes axis = 0;

  void describe(auto& description) {
    description.option({"min_value", "low"}, min_value, {.least = 0});
    description.option({"max_value", "high"}, max_value, {.least = 0});
    description.option("rate", rate, {.least = 0, .most = 1});
    description.option("axis", axis);
  }
  void operator()(const Tensor& weight) const {
    limit_norms_kernel(weight, NormWalk(weight.shape(), axis.values), NormLimits{min_value, max_value, rate});
  }
};

}  // namespace manul
