#pragma once

#include "manul/framework/kernel.h"
#include "manul/framework/step.h"

namespace manul {

/// From which numbers a random number is drawn, uniformly.
struct Between {
  double low = 0, high = 0;
};

/// What random transformations of pictures are drawn, each picture its own; all of them Keras' (the centre is
/// that of the pixels, (W - 1) / 2).
struct RandomAffine {
  bool flips_horizontally = false, flips_vertically = false;  // every second picture
  Between rotation = {};                                      // radians
  Between height_shift = {}, width_shift = {};                // of the height, of the width
  Between height_zoom{1, 1}, width_zoom{1, 1};                // more than 1 zooms out
  bool zooms_evenly = false;                                  // width_zoom is height_zoom's number
  bool crops = false;  // the output's place inside the picture, one for the whole batch; nothing else then
};

/// f32 [count, 6]: matrices for affine_transform() of pictures of height x width to output_height x
/// output_width; those of one step are a function of (seed and iteration of `state`, `stream`, picture of the
/// whole batch).
Tensor random_affine_matrices(int64_t count, const RandomAffine& random, const Shape& picture,
                              const Shape& output, const DeviceStepState& state, uint64_t stream);

/// `picture` and `output`: [height, width]; `first`: the first picture's place in the whole batch.
MANUL_KERNEL(random_affine,
             void(const RandomAffine& random, const Shape& picture, const Shape& output, const Tensor& state,
                  uint64_t stream, int64_t first, const Tensor& matrices));

}  // namespace manul
