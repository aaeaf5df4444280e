#pragma once

#include <utility>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// x with widths[i].first elements of `value` before and widths[i].second behind axis i. Any dtype.
Tensor pad(const Tensor& x, const std::vector<std::pair<int64_t, int64_t>>& widths, double value = 0);

}  // namespace manul
