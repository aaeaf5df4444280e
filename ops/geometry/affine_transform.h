#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// What lies outside a picture a b c d: constant k k a b c d k k, nearest a a a b c d d d, reflect
/// b a a b c d d c, wrap c d a b c d a b.
enum class AffineFill { constant, nearest, reflect, wrap };
enum class AffineInterpolation { nearest, bilinear };

struct AffineOptions {
  AffineFill fill_mode = AffineFill::reflect;
  AffineInterpolation interpolation = AffineInterpolation::bilinear;
  double fill_value = 0;  // of AffineFill::constant
};

/// Pictures [N, H, W, C] resampled to [N, height, width, C]: the pixel at column x and row y of picture n is
/// the input at column m0 x + m1 y + m2 and row m3 x + m4 y + m5, m = matrices[n], as TensorFlow's
/// ImageProjectiveTransformV3 and so Keras' random layers do it. matrices: f32 [N, 6]; without a gradient.
Tensor affine_transform(const Tensor& x, const Tensor& matrices, int64_t height, int64_t width,
                        const AffineOptions& options = {});

MANUL_KERNEL(affine_transform,
             void(const Tensor& x, const Tensor& matrices, const AffineOptions& options, const Tensor& y));
MANUL_KERNEL(affine_transform_backward,
             void(const Tensor& dy, const Tensor& matrices, const AffineOptions& options, const Tensor& dx));

}  // namespace manul
