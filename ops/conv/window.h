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

  MANUL_HOST_DEVICE int64_t group_channels() const { return channels / groups; }
};

/// Lays `window` over `x`; `operation` names the caller in errors. With n the length of the input and its
/// borders, same adds max((ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0), the smaller half before. Throws if
/// x is not [N, H, W, C], if a length of the window is not positive, if a border is negative, or if the
/// window is larger than the (valid) input with its borders.
WindowGeometry lay_window(const char* operation, const Shape& x, const Window2D& window);

}  // namespace manul
