#pragma once

#include "manul/framework/error.h"
#include "manul/framework/shape.h"

namespace manul {

/// `count` neighbouring axes of a tensor from axis `first` on.
struct AxisRange {
  int first, count;

  /// The last `count` axes of this shape.
  static AxisRange last(const Shape& shape, int count = 1) { return {shape.rank() - count, count}; }
};

/// A shape as [before, axes of the range, behind].
struct AxisBlocks {
  int64_t before = 1, inside = 1, behind = 1;

  /// Throws where the range is empty or reaches out of the shape; `operation` names the caller.
  AxisBlocks(const char* operation, const Shape& shape, AxisRange range) {
    check(range.first >= 0 && range.count >= 1 && range.first + range.count <= shape.rank(),
          "{}: {} has no {} axes from axis {} on", operation, shape, range.count, range.first);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      int64_t& block = axis < range.first ? before : axis < range.first + range.count ? inside : behind;
      block *= shape[axis];
    }
  }
};

}  // namespace manul
