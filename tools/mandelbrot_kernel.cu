#include "framework/cuda/launch.h"
#include "tools/mandelbrot_kernel.h"

// Compiled without fused multiply-add, so that each count is the CPU's.
namespace manul::cuda {
namespace {

template <class T>
struct CountPixel {
  MandelbrotView view;
  int64_t width;
  int32_t* counts;

  __device__ void operator()(int64_t i) const {
    T real = static_cast<T>(view.left + static_cast<double>(i % width) * view.pixel_width);
    T imaginary = static_cast<T>(view.top + static_cast<double>(i / width) * view.pixel_height);
    T zr = 0, zi = 0, zr_squared = 0, zi_squared = 0;
    int count = 0;
    while (count < view.iterations) {
      T product = zr * zi;
      zr = zr_squared - zi_squared + real;
      zi = product + product + imaginary;
      zr_squared = zr * zr;
      zi_squared = zi * zi;
      if (!(zr_squared + zi_squared < 4)) break;
      ++count;
    }
    counts[i] = count;
  }
};

}  // namespace

void mandelbrot(const MandelbrotView& view, DType precision, const Tensor& counts) {
  visit_float(precision, "mandelbrot", [&](auto zero) {
    for_each(context_of(counts), counts.elements(),
             CountPixel<decltype(zero)>{view, counts.shape()[1], counts.mutable_data<int32_t>()});
  });
}

}  // namespace manul::cuda
