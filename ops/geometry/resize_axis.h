#pragma once

#include <cmath>
#include <cstdint>

#include "manul/framework/host_device.h"

namespace manul {

/// How TensorFlow's tf.image.resize maps one axis of a picture of `input` pixels to one of `output`, without
/// antialiasing: half-pixel centres, the border repeated; every rounding as there, in f32, because at exact
/// halves it decides. For sources without contraction of products and sums (not *_cpu.cpp).
struct ResizeAxis {
  int64_t input, output;
  bool bilinear;
  float scale;

  ResizeAxis(int64_t input, int64_t output, bool bilinear)
      : input(input),
        output(output),
        bilinear(bilinear),
        scale(static_cast<float>(input) / static_cast<float>(output)) {}

  /// Output pixel o is (1 - weight) * input[low] + weight * input[high].
  struct Taps {
    int64_t low, high;
    float weight;
  };
  MANUL_HOST_DEVICE Taps taps(int64_t o) const {
    float centre = product(static_cast<float>(o) + 0.5f, scale);
    if (!bilinear) {
      int64_t nearest = clamp(static_cast<int64_t>(floorf(centre)));
      return {nearest, nearest, 0};
    }
    float at = centre - 0.5f, low = floorf(at);
    return {clamp(static_cast<int64_t>(low)), clamp(static_cast<int64_t>(ceilf(at))), at - low};
  }

  /// Outputs [begin, end) that may read input pixel i; all others do not.
  struct Extent {
    int64_t begin, end;
  };
  MANUL_HOST_DEVICE Extent readers(int64_t i) const {
    double place = static_cast<double>(i), step = static_cast<double>(scale);
    int64_t begin = i == 0 ? 0 : static_cast<int64_t>(floor((place - 0.5) / step - 0.5)) - 1;
    int64_t end = i == input - 1 ? output : static_cast<int64_t>(floor((place + 1.5) / step - 0.5)) + 2;
    return {begin < 0 ? 0 : begin, end > output ? output : end};
  }
  /// The weight of input pixel i in output pixel o.
  MANUL_HOST_DEVICE float weight(int64_t o, int64_t i) const {
    Taps at = taps(o);
    return (at.low == i ? 1 - at.weight : 0) + (at.high == i ? at.weight : 0);
  }

 private:
  MANUL_HOST_DEVICE int64_t clamp(int64_t i) const { return i < 0 ? 0 : i >= input ? input - 1 : i; }
  /// Rounded before anything is added to it.
  static MANUL_HOST_DEVICE float product(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
  }
};

}  // namespace manul
