#pragma once

#include "manul/data/image/image.h"
#include "manul/framework/tensor.h"

namespace manul {

/// Pictures [N, height, width, channels] of 1, 3 or 4 channels side by side, `columns` in a row, with `gap`
/// black pixels in between, as torchvision's make_grid: bytes as they are, f32 from 0..1 (what is outside is
/// cut off, NaN is black). On any device. For save_png: what a model generates, or is given.
///
///     save_png("generated.png", picture_grid(generator.predict(noise)));
Image picture_grid(const Tensor& pictures, int64_t columns = 8, int gap = 2);

}  // namespace manul
