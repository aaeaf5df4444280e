#pragma once

#include <array>

#include "manul/framework/kernel.h"

namespace manul {

/// Of an op; pictures that are loaded have Interpolation (data/image/image.h).
enum class ResizeInterpolation { nearest, bilinear };

/// x [N, H, W, C] -> [N, height, width, C], as TensorFlow's tf.image.resize without antialiasing: half-pixel
/// centres, the border repeated. f32 or f64.
Tensor resize2d(const Tensor& x, const std::array<int64_t, 2>& size, ResizeInterpolation interpolation);
/// Every row `factors[0]` times and every column `factors[1]` times as many pixels.
Tensor upsample2d(const Tensor& x, const std::array<int64_t, 2>& factors,
                  ResizeInterpolation interpolation = ResizeInterpolation::nearest);

MANUL_KERNEL(resize2d_forward, void(const Tensor& x, ResizeInterpolation interpolation, const Tensor& y));
MANUL_KERNEL(resize2d_backward, void(const Tensor& dy, ResizeInterpolation interpolation, const Tensor& dx));

}  // namespace manul
