#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// The axes that an op runs over: `1`, `-1` (the last one) or `{0, 2}`; of an empty list all of them.
struct Axes {
  std::vector<int> values;

  Axes(int axis) : values{axis} {}
  Axes(std::initializer_list<int> axes) : values(axes) {}
  explicit Axes(std::vector<int> axes) : values(std::move(axes)) {}

  /// Counted from 0, in order, without repetition. Throws naming `operation` if `x` has no such axis.
  std::vector<int> of(const Shape& x, std::string_view operation) const;
};

/// One axis, or several side by side, of a row-major tensor: the tensor as [outer, length, inner].
struct AxisView {
  int64_t outer, length, inner;

  int64_t lines() const { return outer * inner; }
};
/// Axes `first` to `last` of a tensor of this shape.
AxisView view_axes(const Shape& x, int first, int last);

/// `x` without these axes, or with length 1 in their places.
Shape without_axes(const Shape& x, const std::vector<int>& axes, bool keepdims);

}  // namespace manul
