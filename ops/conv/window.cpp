#include "manul/ops/conv/window.h"

#include <algorithm>

#include "manul/framework/error.h"

namespace manul {
namespace {

void check_lengths(const char* operation, const char* what, const std::array<int64_t, 2>& lengths) {
  for (int64_t length : lengths)
    check(length >= 1 && length <= longest_side, "{}: {} [{}, {}] must be positive", operation, what,
          lengths[0], lengths[1]);
}

void check_borders(const char* operation, const Borders2D& borders) {
  for (int64_t length :
       {borders.rows.before, borders.rows.behind, borders.columns.before, borders.columns.behind})
    check(length >= 0 && length <= longest_side,
          "{}: borders of [{}, {}] rows and [{}, {}] columns; each must be between 0 and {}", operation,
          borders.rows.before, borders.rows.behind, borders.columns.before, borders.columns.behind,
          longest_side);
}

[[noreturn]] void fail_to_fit(const char* operation, const Shape& x, const Window2D& window) {
  const Borders2D& borders = window.borders;
  std::string around;
  if (borders != Borders2D(0))
    around = fmt::format(" with borders of [{}, {}] rows and [{}, {}] columns", borders.rows.before,
                         borders.rows.behind, borders.columns.before, borders.columns.behind);
  fail(ErrorKind::failed, "{}: window [{}, {}] with dilation [{}, {}] does not fit input {}{}", operation,
       window.size[0], window.size[1], window.dilation[0], window.dilation[1], x, around);
}

}  // namespace

WindowGeometry lay_window(const char* operation, const Shape& x, const Window2D& window) {
  check(x.rank() == 4, "{}: input {} is not [batch, height, width, channels]", operation, x);
  check_lengths(operation, "window", window.size);
  check_lengths(operation, "strides", window.strides);
  check_lengths(operation, "dilation", window.dilation);
  check_borders(operation, window.borders);
  WindowGeometry geometry{x[0], x[3], {x[1], x[2]}, {}, window.size, window.strides, window.dilation, {}};
  geometry.borders = window.borders;
  check_lengths(operation, "input size", geometry.input);
  for (int axis = 0; axis < 2; ++axis) {
    const Border& border = axis == 0 ? window.borders.rows : window.borders.columns;
    int64_t length = border.before + geometry.input[axis] + border.behind, stride = window.strides[axis];
    int64_t reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
    if (window.padding == Padding::same) {
      geometry.output[axis] = (length + stride - 1) / stride;
      geometry.pad_before[axis] =
          std::max((geometry.output[axis] - 1) * stride + reach - length, int64_t{0}) / 2;
    } else {
      if (reach > length) fail_to_fit(operation, x, window);
      geometry.output[axis] = (length - reach) / stride + 1;
    }
    geometry.pad_before[axis] += border.before;
  }
  return geometry;
}

}  // namespace manul
