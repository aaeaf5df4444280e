#pragma once

#include "manul/ops/shape/shape_ops.h"

// Layers along a sequence are the operations on pictures, with one row or one column.
namespace manul {

/// A sequence [N, L, C] as pictures of one row, [N, 1, L, C].
inline Tensor as_row(const Tensor& x) {
  return reshape(x, {x.shape()[0], 1, x.shape()[1], x.shape()[2]});
}

/// A sequence [N, L, C] as pictures of one column, [N, L, 1, C].
inline Tensor as_column(const Tensor& x) {
  return reshape(x, {x.shape()[0], x.shape()[1], 1, x.shape()[2]});
}

/// Pictures of one row or one column as the sequence [N, L, C].
inline Tensor as_sequence(const Tensor& y) {
  return reshape(y, {y.shape()[0], y.shape()[1] * y.shape()[2], y.shape()[3]});
}

}  // namespace manul
