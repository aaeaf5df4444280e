#include "manul/ops/conv/conv2d_products.h"

#include <algorithm>

#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

/// What the windows of output pixels from `first` on see, a pixel a row [rows, kh * kw * C]; zero beside the
/// picture. Computed in 32 bits, whose divisions are several times as fast.
struct GatherWindows {
  const float* x;
  WindowGeometry g;
  uint32_t first;
  float* rows;

  __device__ int64_t source(int axis, int64_t output, int64_t tap) const {
    return output * g.strides[axis] + tap * g.dilation[axis] - g.pad_before[axis];
  }
  __device__ void operator()(int64_t i) const {
    auto element = static_cast<uint32_t>(i), channels = static_cast<uint32_t>(g.channels);
    auto width = static_cast<uint32_t>(g.size[1]), taps = static_cast<uint32_t>(g.size[0]) * width;
    uint32_t c = element % channels, tap = element / channels % taps;
    uint32_t pixel = first + element / (channels * taps);
    auto columns = static_cast<uint32_t>(g.output[1]), lines = static_cast<uint32_t>(g.output[0]);
    uint32_t line = pixel / columns;
    int64_t iy = source(0, line % lines, tap / width), ix = source(1, pixel % columns, tap % width);
    bool outside = iy < 0 || iy >= g.input[0] || ix < 0 || ix >= g.input[1];
    int64_t picture = line / lines;
    rows[i] = outside ? 0.0f : x[((picture * g.input[0] + iy) * g.input[1] + ix) * g.channels + c];
  }
};

/// Adds to the sums of the rows before, and writes what it is so far.
struct StoreSumSoFar {
  double* sums;
  bool is_first;
  float* to;
  __device__ void operator()(int64_t column, double sum) const {
    if (!is_first) sum += sums[column];
    sums[column] = sum;
    to[column] = static_cast<float>(sum);
  }
};

bool is_one_pixel(const WindowGeometry& g) {
  bool one = g.groups == 1;
  for (int axis = 0; axis < 2; ++axis)
    one &= g.size[axis] == 1 && g.strides[axis] == 1 && g.input[axis] == g.output[axis];
  return one;
}

/// [rows, columns] of the same elements.
Tensor as_matrix(const Tensor& t, int64_t columns) {
  return t.range(0, {t.elements() / columns, columns});
}

}  // namespace

bool is_product(const WindowGeometry& geometry) {
  return is_one_pixel(geometry) && !tf32();
}

bool forward_by_product(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Tensor& y) {
  int64_t channels = x.shape()[3], filters = y.shape()[3];
  return blas_product(as_matrix(x, channels), false, as_matrix(kernel, channels), true,
                      bias.defined() ? Epilogue::bias : Epilogue::none, bias, as_matrix(y, filters));
}

bool input_gradient_by_product(const Tensor& dy, const Tensor& kernel, const Tensor& dx) {
  int64_t channels = dx.shape()[3], filters = dy.shape()[3];
  return blas_product(as_matrix(dy, filters), false, as_matrix(kernel, channels), false, Epilogue::none, {},
                      as_matrix(dx, channels));
}

bool kernel_gradient_by_products(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                 const Tensor& dkernel, int64_t most_elements) {
  constexpr int64_t most_seen = int64_t{1} << 24, block = 4096;  // gathered at once; rows of a product
  int64_t pixels = dy.shape().rows(), filters = dy.shape()[3], columns = dkernel.elements() / filters;
  if (g.groups != 1 || pixels >= (int64_t{1} << 31) || columns > most_seen) return false;
  bool is_seen = is_one_pixel(g);
  int64_t length = std::min(block, most_seen / columns);
  int64_t most = std::max<int64_t>(most_elements / dkernel.elements(), 1);  // products at a time
  if (!is_seen) most = std::min(most, most_seen / columns / length);
  most = std::min(most, (pixels + length - 1) / length);
  Tensor parts = Tensor::empty({most, filters, columns}, DType::f32, x.device());
  Tensor sums = Tensor::empty({dkernel.elements()}, DType::f64, x.device());
  for (int64_t first = 0; first < pixels;) {
    int64_t rows = std::min(length, pixels - first), count = std::min((pixels - first) / rows, most);
    Tensor seen;
    if (is_seen) {
      seen = x.range(first * columns, {count, rows, columns});
    } else {
      seen = Tensor::empty({count, rows, columns}, DType::f32, x.device());
      for_each(context_of(x), seen.elements(),
               GatherWindows{x.data<float>(), g, static_cast<uint32_t>(first), seen.mutable_data<float>()});
    }
    if (!blas_product(dy.range(first * filters, {count, rows, filters}), true, seen, false, Epilogue::none,
                      {}, parts.range(0, {count, filters, columns})))
      return false;
    column_sums<double>(
        parts, count, dkernel.elements(), MatrixElement<float>{parts.data<float>(), dkernel.elements()},
        StoreSumSoFar{sums.mutable_data<double>(), first == 0, dkernel.mutable_data<float>()});
    first += count * rows;
  }
  return true;
}

}  // namespace manul::cuda
