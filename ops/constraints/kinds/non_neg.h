#pragma once

#include "manul/ops/constraints/norm_limits.h"

namespace manul {

/// Keras' NonNeg: no element is negative.
struct NonNeg {
  static constexpr const char* class_name = "NonNeg";

  void describe(auto& /*description*/) {}
  void operator()(const Tensor& weight) const { make_non_negative_kernel(weight); }
};

}  // namespace manul
