#pragma once

#include <cmath>

#include "manul/framework/host_device.h"
#include "manul/ops/geometry/affine_transform.h"

namespace manul {

/// The place inside 0 .. length - 1 that stands for a place outside.
MANUL_HOST_DEVICE inline float place_inside(float at, int64_t length, AffineFill mode) {
  float count = static_cast<float>(length), last = count - 1;
  if (mode == AffineFill::constant) return at;
  if (mode != AffineFill::nearest && length <= 1) return 0;
  if (mode == AffineFill::reflect) {
    float period = 2 * count;
    if (at < 0) {
      if (at < period) at += period * std::trunc(-at / period);
      at = at < -count ? at + period : -at - 1;
    } else if (at > last) {
      at -= period * std::trunc(at / period);
      if (at >= count) at = period - at - 1;
    }
  } else if (mode == AffineFill::wrap) {  // TensorFlow counts the periods by length - 1
    if (at < 0)
      at += count * (std::trunc(-at / last) + 1);
    else if (at > last)
      at -= count * std::trunc(at / last);
  }
  return at < 0 ? 0 : at > last ? last : at;
}

/// A pixel of the input, by row and column, and its share in a pixel of the output; row -1: outside.
struct AffineTap {
  int64_t row, column;
  float weight;
};

/// Up to four taps of the pixel at (x, y); returns how many.
MANUL_HOST_DEVICE inline int affine_taps(const float* m, int64_t x, int64_t y, int64_t height, int64_t width,
                                         const AffineOptions& options, AffineTap (&taps)[4]) {
  float to_x = static_cast<float>(x), to_y = static_cast<float>(y);
  float at_x = place_inside(m[0] * to_x + m[1] * to_y + m[2], width, options.fill_mode);
  float at_y = place_inside(m[3] * to_x + m[4] * to_y + m[5], height, options.fill_mode);
  auto tap = [&](float row, float column, float weight) {
    bool inside =
        row >= 0 && row < static_cast<float>(height) && column >= 0 && column < static_cast<float>(width);
    return inside ? AffineTap{static_cast<int64_t>(row), static_cast<int64_t>(column), weight}
                  : AffineTap{-1, -1, weight};
  };
  if (options.interpolation == AffineInterpolation::nearest) {
    taps[0] = tap(std::round(at_y), std::round(at_x), 1);
    return 1;
  }
  float left = std::floor(at_x), top = std::floor(at_y), right = at_x - left, low = at_y - top;
  taps[0] = tap(top, left, (1 - low) * (1 - right));
  taps[1] = tap(top, left + 1, (1 - low) * right);
  taps[2] = tap(top + 1, left, low * (1 - right));
  taps[3] = tap(top + 1, left + 1, low * right);
  return 4;
}

}  // namespace manul
