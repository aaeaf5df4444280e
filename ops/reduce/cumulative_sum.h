#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/reduce/axes.h"

namespace manul {

struct CumulativeSumOptions {
  bool reverse = false;    // from the last element to the first
  bool exclusive = false;  // without the element itself: the first sum is 0
};

/// Each element becomes the sum of all up to it along `axis`; f32 or f64, added in f64.
Tensor cumulative_sum(const Tensor& x, int axis = -1, const CumulativeSumOptions& options = {});

MANUL_KERNEL(cumulative_sum, void(const AxisView& axis, const CumulativeSumOptions& options, const Tensor& x,
                                  const Tensor& y));

}  // namespace manul
