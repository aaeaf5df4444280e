#include "manul/framework/cuda/launch.h"
#include "manul/tools/programs/mandelbrot_kernel.h"

// Compiled without fused multiply-add, so that each count is the CPU's.
namespace manul::cuda {
namespace {

// A block draws 32 x 8 pixels, a warp 8 x 4 of them: neighbours leave the loop at about the same time, and a
// warp runs as long as its slowest pixel.
constexpr int warp_columns = 8, warp_rows = 4, block_columns = 32, block_rows = 8,
              threads = block_columns * block_rows;
constexpr int steps_at_once = 8;

/// z and the squares of its parts, on the way of z -> z² + c.
template <class T>
struct Orbit {
  T real, imaginary;  // c
  T zr = 0, zi = 0, zr_squared = 0, zi_squared = 0;

  __device__ void step() {
    T product = zr * zi;
    zr = zr_squared - zi_squared + real;
    zi = fma(T(2), product, imaginary);  // twice a number is exact: this is product + product + imaginary
    zr_squared = zr * zr;
    zi_squared = zi * zi;
  }
  __device__ bool is_inside() const { return zr_squared + zi_squared < 4; }
  /// Where |c| is clearly below 2, |z'| >= |z|² - |c| says that a z which has left never comes back, rounded
  /// or not: one look after several steps tells whether any of them has left.
  __device__ bool never_returns() const { return real * real + imaginary * imaginary < T(3.9); }
};

template <class T>
__global__ void count_pixels(MandelbrotView view, int width, int height, int32_t* counts) {
  begin_kernel();
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int x = blockIdx.x * block_columns + warp % 4 * warp_columns + lane % warp_columns;
  int y = blockIdx.y * block_rows + warp / 4 * warp_rows + lane / warp_columns;
  if (x >= width || y >= height) return;
  Orbit<T> orbit{static_cast<T>(view.left + x * view.pixel_width),
                 static_cast<T>(view.top + y * view.pixel_height)};
  int count = 0;
  if (orbit.never_returns())
    for (; count + steps_at_once <= view.iterations; count += steps_at_once) {
      Orbit<T> before = orbit;
#pragma unroll
      for (int i = 0; i < steps_at_once; ++i) orbit.step();
      if (orbit.is_inside()) continue;
      orbit = before;
      break;
    }
  for (; count < view.iterations; ++count) {
    orbit.step();
    if (!orbit.is_inside()) break;
  }
  counts[int64_t{y} * width + x] = count;
}

}  // namespace

void mandelbrot(const MandelbrotView& view, DType precision, const Tensor& counts) {
  int height = static_cast<int>(counts.shape()[0]), width = static_cast<int>(counts.shape()[1]);
  visit_float(precision, "mandelbrot", [&](auto zero) {
    dim3 grid(blocks_for(width, block_columns), blocks_for(height, block_rows));
    launch(context_of(counts), count_pixels<decltype(zero)>, grid, threads, view, width, height,
           counts.mutable_data<int32_t>());
  });
}

}  // namespace manul::cuda
