#pragma once

#include <vector>

#include "manul/data/image/image.h"

namespace manul {

/// The part of one axis that is resized to `target` pixels. With keep_aspect_ratio it is not the whole axis;
/// filters still read pixels beside it.
struct ResizeAxis {
  int length = 0;  // of the source
  int target = 0;
  int start = 0, stop = 0;

  bool changes() const { return target != length || start != 0 || stop != length; }
};

struct ResizeAxes {
  ResizeAxis rows, columns;
};

/// What `options` ask of a picture of height x width pixels.
ResizeAxes resize_axes(int height, int width, const ImageOptions& options);

/// The source index of each target index for the nearest filter: int(p_i), p_0 = start + scale / 2,
/// p_{i+1} = p_i + scale, accumulated in double as Pillow does. int((i + 0.5) * scale) differs where a
/// position is an integer.
std::vector<int> nearest_indices(const ResizeAxis& axis);

/// Resizes exactly as Pillow's Image.resize: nearest by index, the others as two passes over columns and rows
/// of a filter that widens when the picture shrinks, in 22-bit fixed point, each pass rounded to 8 bits.
/// 16-bit pictures are filtered in double. A picture that has the target size already is returned as it is.
Image resize(Image image, const ImageOptions& options);

}  // namespace manul
