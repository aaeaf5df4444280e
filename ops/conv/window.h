#pragma once

#include <array>

#include "manul/framework/host_device.h"
#include "manul/framework/shape.h"
#include "manul/ops/geometry/border.h"

namespace manul {

/// Keras' two kinds of border: no padding, or as much as gives ceil(length / stride) outputs.
enum class Padding { valid, same };

/// Of a picture or a window: far above every picture, far below an overflow of products.
inline constexpr int64_t longest_side = int64_t{1} << 30;

/// The sliding window of a convolution or a pooling, as {height, width} each.
struct Window2D {
  std::array<int64_t, 2> size{1, 1};
  std::array<int64_t, 2> strides{1, 1};
  Padding padding = Padding::valid;
  std::array<int64_t, 2> dilation{1, 1};
  /// Zeros around the input, which the window sees as if they were part of it; `padding` adds to them. With
  /// `valid` they are the explicit padding.
  Borders2D borders = 0;
};

/// A window laid over an input of known size, for x [batch, height, width, channels].
struct WindowGeometry {
  int64_t batch, channels;
  std::array<int64_t, 2> input, output, size, strides, dilation, pad_before;
  /// Of a convolution: parts of the channels, each with its own part of the filters.
  int64_t groups = 1;
  /// Zeros around the input (Window2D::borders), which are part of pad_before.
  Borders2D borders = 0;

  MANUL_HOST_DEVICE int64_t group_channels() const { return channels / groups; }

  /// Where tap `tap` of `at` of the output reads along one axis; outside [0, input) it is padding.
  MANUL_HOST_DEVICE int64_t source(int axis, int64_t at, int64_t tap) const {
    return at * strides[axis] + tap * dilation[axis] - pad_before[axis];
  }
  MANUL_HOST_DEVICE bool is_outside(int64_t y, int64_t x) const {
    return y < 0 || y >= input[0] || x < 0 || x >= input[1];
  }
  /// The output whose tap `tap` reads `at` of the input; -1 if there is none.
  MANUL_HOST_DEVICE int64_t output_of(int axis, int64_t at, int64_t tap) const {
    int64_t from = at + pad_before[axis] - tap * dilation[axis];
    if (from < 0) return -1;
    // In 32 bits, which a GPU divides several times as fast.
    auto distance = static_cast<uint32_t>(from), stride = static_cast<uint32_t>(strides[axis]);
    int64_t found = distance / stride;
    return distance % stride == 0 && found < output[axis] ? found : -1;
  }
};

/// Lays `window` over `x`; `operation` names the caller in errors. With n the length of the input and its
/// borders, same adds max((ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0), the smaller half before. Throws if
/// x is not [N, H, W, C], if a length of the window is not positive, if a border is negative, or if the
/// window is larger than the (valid) input with its borders.
WindowGeometry lay_window(const char* operation, const Shape& x, const Window2D& window);

}  // namespace manul
