#pragma once

#include "manul/framework/tensor.h"

namespace manul {

/// The same elements under another shape; no copy. Throws if the number of elements differs.
Tensor reshape(const Tensor& x, const Shape& shape);
/// [N, a, b, ..] -> [N, a * b * ..]; no copy.
Tensor flatten(const Tensor& x);
/// A further axis of length 1 before axis `axis` of the result (negative: from its end); no copy.
Tensor expand_dims(const Tensor& x, int axis);
/// Without axis `axis`, whose length is 1; no copy.
Tensor squeeze(const Tensor& x, int axis);

/// `axis` counted from the front: -1 is the last of `rank` axes. Throws, naming `operation`, if there is
/// none.
int axis_of(std::string_view operation, int axis, int rank);
/// `shape` with `length` in place of the length of an axis.
Shape with_length(const Shape& shape, int axis, int64_t length);

}  // namespace manul
