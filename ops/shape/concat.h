#pragma once

#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// One tensor behind the other along an axis; the other axes are alike. Any dtype.
Tensor concat(const std::vector<Tensor>& parts, int axis = -1);
/// Tensors of one shape side by side along a new axis, `axis` of the result.
Tensor stack(const std::vector<Tensor>& parts, int axis = 0);

}  // namespace manul
