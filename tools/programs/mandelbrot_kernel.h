#pragma once

#include "manul/framework/host_device.h"
#include "manul/framework/kernel.h"

// A complete example of a user's own kernel: a declaration for each device, a slot, and the call. Copy these
// files to begin one.

namespace manul {

/// A picture of the complex plane: the point of its first pixel and the distance between pixels.
struct MandelbrotView {
  double left = -2;
  double top = -1;
  double pixel_width = 3.0 / 1536;
  double pixel_height = 2.0 / 1024;
  int iterations = 20;
};

/// For each pixel (row y, column x) with c = left + x * pixel_width + i (top + y * pixel_height), the number
/// of z -> z² + c, from z = 0, after which |z|² was still below 4; at most `iterations`. counts: i32 [height,
/// width]. `precision` is f64 or, for speed on a GPU, f32.
Tensor mandelbrot(int64_t width, int64_t height, const MandelbrotView& view, DType precision = DType::f64,
                  Device device = {});

MANUL_KERNEL(mandelbrot, void(const MandelbrotView& view, DType precision, const Tensor& counts));

}  // namespace manul
