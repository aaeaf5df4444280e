#pragma once

#include <vector>

#include "manul/data/image/resize.h"

namespace manul {

/// The source pixels that one target pixel is made of, and their weights, which add up to 1.
struct Taps {
  int first = 0;
  std::vector<double> weights;
};

/// For each target pixel of an axis: Pillow's filters other than nearest, widened where the picture shrinks.
std::vector<Taps> taps_of(const ResizeAxis& axis, Interpolation interpolation);

}  // namespace manul
