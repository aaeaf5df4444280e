#pragma once

#include "manul/data/augment/augment.h"

namespace manul {

/// True if resample_rows can take the work.
bool can_resample_rows(int height, int width, int channels, int interpolation_order);

/// Does what sample_affine does for a whole picture, to the bit, row by row in loops that the compiler turns
/// into vector code: flipped as `transform` says and times `scale`. Bilinear only, 1, 3 or 4 channels.
void resample_rows(const uint8_t* picture, int height, int width, int channels, const Transform& transform,
                   const AugmentOptions& options, float scale, float* output);

}  // namespace manul
