#include "manul/ops/reduce/axes.h"

#include <algorithm>
#include <numeric>

namespace manul {

std::vector<int> Axes::of(const Shape& x, std::string_view operation) const {
  std::vector<int> axes = values;
  if (axes.empty()) {
    axes.resize(x.rank());
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (int& axis : axes) {
    check(-x.rank() <= axis && axis < x.rank(), "{}: {} has no axis {}", operation, x, axis);
    if (axis < 0) axis += x.rank();
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

AxisView view_axes(const Shape& x, int first, int last) {
  AxisView view{1, 1, 1};
  for (int axis = 0; axis < x.rank(); ++axis)
    (axis < first ? view.outer : axis <= last ? view.length : view.inner) *= x[axis];
  return view;
}

Shape without_axes(const Shape& x, const std::vector<int>& axes, bool keepdims) {
  std::vector<int64_t> lengths;
  for (int axis = 0; axis < x.rank(); ++axis) {
    bool reduced = std::binary_search(axes.begin(), axes.end(), axis);
    if (!reduced || keepdims) lengths.push_back(reduced ? 1 : x[axis]);
  }
  return Shape(lengths);
}

}  // namespace manul
