#pragma once

#include "manul/data/datasets/labelled_images.h"

namespace manul {

/// How many drawn shapes, and which.
struct ShapeOptions {
  int64_t count = 1000;
  int size = 28;            // pixels a side
  int64_t first_class = 0;  // the kinds that are drawn: all ten, or some of them
  int64_t classes = 10;
  uint64_t seed = 0;
};

/// Pictures u8 [N, size, size, 1], labels from 0 to classes - 1, and where the shapes are.
struct DrawnShapes : LabelledImages {
  Tensor masks;  // u8 [N, size, size, 1]: 1 on the shape, 0 elsewhere
};

/// Bright shapes (disc, ring, square, frame, triangle, cross, bar, bars, half, dots) on dark ground, of
/// different place, size, angle and brightness, with noise; picture i has the class i modulo `classes`. The
/// same for the same options, another for every seed. They stand in for MNIST and its kin, and for pictures
/// with masks, where nothing is to be downloaded: a small network gets most of them right after a minute.
/// Throws ErrorKind::failed for options that make no sense.
DrawnShapes draw_shapes(const ShapeOptions& options = {});

}  // namespace manul
