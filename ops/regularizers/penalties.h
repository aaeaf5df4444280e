#pragma once

#include "manul/framework/error.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {

/// What regularizers are made of. The sum of |w|; the gradient at 0 is 0.
Tensor sum_of_sizes(const Tensor& weight);
/// The mean size of the cosine of two columns of x [rows, columns], over all pairs; 0 if there is only one.
Tensor mean_size_of_cosines(const Tensor& x);

}  // namespace manul
