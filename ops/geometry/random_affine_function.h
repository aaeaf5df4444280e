#pragma once

#include <cmath>

#include "manul/ops/geometry/random_affine.h"
#include "manul/ops/random/random_function.h"

namespace manul {

/// Heights and widths as numbers that a GPU can take.
struct PictureSizes {
  double height, width, output_height, output_width;
};

/// The matrix of picture `index`: first the flips, then rotation, shift and zoom of the flipped one, each
/// about the centre.
MANUL_HOST_DEVICE inline void draw_affine(const RandomAffine& random, const PictureSizes& size,
                                          const StepState& state, uint64_t stream, int64_t index,
                                          float* matrix) {
  RandomStream draw = step_stream(state, stream, random.crops ? 0 : index);
  if (random.crops) {
    double top = std::floor(draw.uniform() * (size.height - size.output_height + 1));
    double left = std::floor(draw.uniform() * (size.width - size.output_width + 1));
    const double crop[6] = {1, 0, left, 0, 1, top};
    for (int i = 0; i < 6; ++i) matrix[i] = static_cast<float>(crop[i]);
    return;
  }
  double flip_x = random.flips_horizontally && draw.uniform() < 0.5 ? -1 : 1;
  double flip_y = random.flips_vertically && draw.uniform() < 0.5 ? -1 : 1;
  double angle = draw.uniform(random.rotation.low, random.rotation.high);
  double shift_y = draw.uniform(random.height_shift.low, random.height_shift.high) * size.height;
  double shift_x = draw.uniform(random.width_shift.low, random.width_shift.high) * size.width;
  double zoom_y = draw.uniform(random.height_zoom.low, random.height_zoom.high);
  double zoom_x = random.zooms_evenly ? zoom_y : draw.uniform(random.width_zoom.low, random.width_zoom.high);
  // input = centre + A (output - centre) - shift
  double cosine = std::cos(angle), sine = std::sin(angle);
  double a = flip_x * zoom_x * cosine, b = -flip_x * zoom_x * sine, c = flip_y * zoom_y * sine,
         d = flip_y * zoom_y * cosine;
  double middle_x = (size.width - 1) / 2, middle_y = (size.height - 1) / 2;
  const double values[6] = {a, b, middle_x - a * middle_x - b * middle_y - shift_x,
                            c, d, middle_y - c * middle_x - d * middle_y - shift_y};
  for (int i = 0; i < 6; ++i) matrix[i] = static_cast<float>(values[i]);
}

}  // namespace manul
