#include "manul/tools/programs/mandelbrot_kernel.h"

#include <algorithm>
#include <type_traits>

#include "manul/framework/cpu/parallel.h"

namespace manul {

Tensor mandelbrot(int64_t width, int64_t height, const MandelbrotView& view, DType precision, Device device) {
  check(view.iterations >= 0, "mandelbrot: {} iterations are asked for", view.iterations);
  Tensor counts = Tensor::empty({height, width}, DType::i32, device);
  mandelbrot_kernel(view, precision, counts);
  return counts;
}

namespace {

/// As many neighbouring pixels as fill the widest vector registers twice, so that two chains of dependent
/// arithmetic overlap. The loops over lanes have a fixed length: the compiler turns each into vector code.
template <class T>
constexpr int lanes = 128 / sizeof(T);

/// An integer as wide as T: what comparing two vectors of T gives.
template <class T>
using Mask = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

/// Counts of the `lanes` pixels from column `first`. A pixel that has left stays out, whatever becomes of its
/// z.
template <class T>
void count_lanes(const MandelbrotView& view, int64_t first, T imaginary, Mask<T>* counts) {
  T real[lanes<T>], zr[lanes<T>], zi[lanes<T>];
  Mask<T> inside[lanes<T>];
  for (int k = 0; k < lanes<T>; ++k) {
    real[k] = static_cast<T>(view.left + static_cast<double>(first + k) * view.pixel_width);
    zr[k] = zi[k] = 0;
    counts[k] = 0;
    inside[k] = 1;
  }
  for (int i = 0; i < view.iterations; ++i) {
    Mask<T> any = 0;
    for (int k = 0; k < lanes<T>; ++k) {
      T next = zr[k] * zr[k] - zi[k] * zi[k] + real[k];
      zi[k] = zr[k] * zi[k] + zi[k] * zr[k] + imaginary;
      zr[k] = next;
      inside[k] &= zr[k] * zr[k] + zi[k] * zi[k] < 4;
      counts[k] += inside[k];
      any |= inside[k];
    }
    if (any == 0) return;
  }
}

template <class T>
void count_rows(const MandelbrotView& view, const Tensor& counts) {
  int64_t height = counts.shape()[0], width = counts.shape()[1];
  auto* out = counts.mutable_data<int32_t>();
  cpu::parallel_for(height, 4, [=](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      T imaginary = static_cast<T>(view.top + static_cast<double>(y) * view.pixel_height);
      for (int64_t x = 0; x < width; x += lanes<T>) {
        Mask<T> found[lanes<T>];
        count_lanes<T>(view, x, imaginary, found);
        std::copy_n(found, std::min<int64_t>(lanes<T>, width - x), out + y * width + x);
      }
    }
  });
}

}  // namespace

void cpu::mandelbrot(const MandelbrotView& view, DType precision, const Tensor& counts) {
  visit_float(precision, "mandelbrot", [&](auto zero) { count_rows<decltype(zero)>(view, counts); });
}

}  // namespace manul
