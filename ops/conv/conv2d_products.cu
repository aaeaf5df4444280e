#include "manul/ops/conv/conv2d_products.h"

#include <algorithm>

#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/elementwise.h"

namespace manul::cuda {
namespace {

/// What the windows of output pixels from `first` on see, a pixel a row [rows, columns] of kh * kw * C and
/// zeros; zero beside the picture. Elements one by one or in fours. Computed in 32 bits, whose divisions are
/// several times as fast.
template <class Value>
struct GatherWindows {
  const Value* x;
  WindowGeometry g;
  uint32_t first, columns, channels;  // in Values
  Value* rows;

  __device__ void operator()(int64_t i) const {
    auto element = static_cast<uint32_t>(i), width = static_cast<uint32_t>(g.size[1]);
    uint32_t pixel = first + element / columns, column = element % columns;
    uint32_t c = column % channels, tap = column / channels;
    auto across = static_cast<uint32_t>(g.output[1]), lines = static_cast<uint32_t>(g.output[0]);
    uint32_t line = pixel / across;
    int64_t iy = g.source(0, line % lines, tap / width), ix = g.source(1, pixel % across, tap % width);
    bool outside = tap >= static_cast<uint32_t>(g.size[0]) * width || g.is_outside(iy, ix);
    int64_t picture = line / lines;
    rows[i] = outside ? Value{} : x[((picture * g.input[0] + iy) * g.input[1] + ix) * channels + c];
  }
};

/// The other way: dx = (add ? dx : 0) + the elements of rows that read it.
template <int width>
struct ScatterWindows {
  const float* rows;
  WindowGeometry g;
  uint32_t packs;  // of the channels
  bool add;
  float* dx;
  __device__ void operator()(int64_t i) const {
    uint32_t c = static_cast<uint32_t>(i) % packs, pixel = static_cast<uint32_t>(i) / packs;
    auto across = static_cast<uint32_t>(g.input[1]), lines = static_cast<uint32_t>(g.input[0]);
    uint32_t line = pixel / across;
    int64_t picture = line / lines;
    Pack<float, width>& to = mutable_pack<width>(dx, i);
    Pack<float, width> sum = add ? to : Pack<float, width>{};
    for (int64_t ky = 0; ky < g.size[0]; ++ky) {
      int64_t oy = g.output_of(0, line % lines, ky);
      if (oy < 0) continue;
      for (int64_t kx = 0; kx < g.size[1]; ++kx) {
        int64_t ox = g.output_of(1, pixel % across, kx);
        if (ox < 0) continue;
        int64_t row = (picture * g.output[0] + oy) * g.output[1] + ox;
        sum = sum + pack<float, width>(rows, ((row * g.size[0] + ky) * g.size[1] + kx) * packs + c);
      }
    }
    to = sum;
  }
};

/// A matrix [rows, columns] with zeros behind each row.
struct WidenRows {
  const float* from;
  int64_t columns, wide;
  float* to;
  __device__ void operator()(int64_t i) const {
    int64_t column = i % wide;
    to[i] = column < columns ? from[i / wide * columns + column] : 0.0f;
  }
};

/// Adds to the sums of the rows before, and writes what it is so far: of rows of `wide` numbers the first
/// `columns`.
struct StoreSumSoFar {
  double* sums;
  bool is_first;
  int64_t columns, wide;
  float* to;
  __device__ void operator()(int64_t i, double sum) const {
    if (!is_first) sum += sums[i];
    sums[i] = sum;
    if (i % wide < columns) to[i / wide * columns + i % wide] = static_cast<float>(sum);
  }
};

bool is_one_pixel(const WindowGeometry& g) {
  bool one = g.groups == 1;
  for (int axis = 0; axis < 2; ++axis)
    one &= g.size[axis] == 1 && g.strides[axis] == 1 && g.input[axis] == g.output[axis];
  return one;
}

int64_t window_elements(const WindowGeometry& g) {
  return g.size[0] * g.size[1] * g.channels;
}
/// The length of a gathered row: cuBLAS' fast kernels want sixteen bytes.
int64_t row_length(const WindowGeometry& g) {
  return (window_elements(g) + 3) / 4 * 4;
}
bool is_addressable(const WindowGeometry& g) {  // by GatherWindows
  return g.groups == 1 && g.batch * g.output[0] * g.output[1] < (int64_t{1} << 31) &&
         row_length(g) < (int64_t{1} << 24);
}

/// [rows, columns] of the same elements.
Tensor as_matrix(const Tensor& t, int64_t columns) {
  return t.range(0, {t.elements() / columns, columns});
}

template <class Value>
void gather_as(const Tensor& x, const WindowGeometry& g, int64_t first, const Tensor& rows) {
  constexpr int64_t width = sizeof(Value) / sizeof(float);
  for_each(context_of(x), rows.elements() / width,
           GatherWindows<Value>{reinterpret_cast<const Value*>(x.data<float>()), g,
                                static_cast<uint32_t>(first), static_cast<uint32_t>(rows.shape()[-1] / width),
                                static_cast<uint32_t>(g.channels / width),
                                reinterpret_cast<Value*>(rows.mutable_data<float>())});
}
void gather(const Tensor& x, const WindowGeometry& g, int64_t first, const Tensor& rows) {
  if (g.channels % 4 == 0 && allow_packs({x.raw_data(), rows.raw_data()}))
    gather_as<float4>(x, g, first, rows);
  else
    gather_as<float>(x, g, first, rows);
}

template <int width>
void scatter_packs(const Tensor& rows, const WindowGeometry& g, bool add, const Tensor& dx) {
  for_each(context_of(dx), dx.elements() / width,
           ScatterWindows<width>{rows.data<float>(), g, static_cast<uint32_t>(g.channels / width), add,
                                 dx.mutable_data<float>()});
}
void scatter(const Tensor& rows, const WindowGeometry& g, bool add, const Tensor& dx) {
  if (g.channels % 4 == 0 && allow_packs({rows.raw_data(), dx.raw_data()}))
    scatter_packs<4>(rows, g, add, dx);
  else
    scatter_packs<1>(rows, g, add, dx);
}

/// [filters, row_length], as it stands where it has that length.
Tensor widen(const Tensor& kernel, const WindowGeometry& g) {
  int64_t columns = window_elements(g), wide = row_length(g);
  if (columns == wide) return as_matrix(kernel, columns);
  Tensor result = Tensor::empty({kernel.shape()[0], wide}, DType::f32, kernel.device());
  for_each(context_of(kernel), result.elements(),
           WidenRows{kernel.data<float>(), columns, wide, result.mutable_data<float>()});
  return result;
}

/// How many pixels one product of a kernel gradient [filters, columns] adds: so many that the products of all
/// pixels keep the multiprocessors busy. 1x1 with strides of 2, 64 channels to 128, 256 pictures of 16 x 16,
/// with TF32: 0.016 ms (0.050 with 4096 pixels each).
int64_t pixels_a_product(const Context& context, int64_t pixels, int64_t filters, int64_t columns) {
  constexpr int64_t least = 256, most = 4096, unit = 128, tile = 64;
  int64_t tiles = int64_t{blocks_for(filters, tile)} * blocks_for(columns, tile);
  int64_t products = std::max<int64_t>(context.multiprocessors() / tiles, 1);
  return std::clamp<int64_t>(int64_t{blocks_for(pixels, products * unit)} * unit, least, most);
}

}  // namespace

bool forward_by_products(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                         int64_t most_elements, const Tensor& y) {
  Epilogue epilogue = bias.defined() ? Epilogue::bias : Epilogue::none;
  int64_t filters = y.shape()[3], pixels = y.shape().rows();
  if (is_one_pixel(g))
    return blas_product(as_matrix(x, g.channels), false, as_matrix(kernel, g.channels), true, epilogue, bias,
                        as_matrix(y, filters));
  if (!is_addressable(g)) return false;
  Tensor weights = widen(kernel, g);
  int64_t columns = row_length(g), most = std::clamp<int64_t>(most_elements / columns, 1, pixels);
  for (int64_t first = 0; first < pixels; first += most) {
    int64_t rows = std::min(most, pixels - first);
    Tensor seen = Tensor::empty({rows, columns}, DType::f32, x.device());
    gather(x, g, first, seen);
    if (!blas_product(seen, false, weights, true, epilogue, bias, y.range(first * filters, {rows, filters})))
      return false;
  }
  return true;
}

bool forward_with_tail(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                       const Tensor& addend, bool relu, const Tensor& y) {
  int64_t filters = y.shape()[3];
  return is_one_pixel(g) &&
         blas_product(as_matrix(x, g.channels), false, as_matrix(kernel, g.channels), true,
                      relu ? Epilogue::bias_relu : Epilogue::bias, bias, as_matrix(y, filters),
                      addend.defined() ? as_matrix(addend, filters) : addend);
}

bool input_gradient_by_products(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                                int64_t most_elements, const Tensor& dx) {
  int64_t filters = dy.shape()[3], columns = window_elements(g);
  if (is_one_pixel(g) && !add)
    return blas_product(as_matrix(dy, filters), false, as_matrix(kernel, columns), false, Epilogue::none, {},
                        as_matrix(dx, columns));
  int64_t outputs = g.output[0] * g.output[1], inputs = g.input[0] * g.input[1] * g.channels;
  int64_t wanted = std::max(outputs * columns, inputs);
  if (g.groups != 1 || wanted > most_elements) return false;
  int64_t most = std::min(most_elements / wanted, g.batch);
  for (int64_t first = 0; first < g.batch; first += most) {
    int64_t pictures = std::min(most, g.batch - first), rows = pictures * outputs;
    Tensor seen = Tensor::empty({rows, columns}, DType::f32, dy.device());
    if (!blas_product(dy.range(first * outputs * filters, {rows, filters}), false, as_matrix(kernel, columns),
                      false, Epilogue::none, {}, seen)) {
      if (first > 0)
        fail(ErrorKind::device, "cuda: cuBLAS has no algorithm for the last part of a convolution");
      return false;
    }
    scatter(seen, g, add, dx.range(first * inputs, {pictures * inputs}));
  }
  return true;
}

bool kernel_gradient_by_products(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                 const Tensor& dkernel, int64_t most_elements) {
  constexpr int64_t most_seen = int64_t{1} << 26;  // gathered at once
  if (!is_addressable(g)) return false;
  bool is_seen = is_one_pixel(g);
  int64_t pixels = dy.shape().rows(), filters = dy.shape()[3];
  int64_t columns = window_elements(g), wide = is_seen ? columns : row_length(g);
  int64_t length = std::min(pixels_a_product(context_of(x), pixels, filters, wide), most_seen / wide);
  int64_t most = std::max<int64_t>(most_elements / (filters * wide), 1);  // products at a time
  if (!is_seen) most = std::min(most, most_seen / wide / length);
  most = std::min(most, (pixels + length - 1) / length);
  Tensor parts = Tensor::empty({most, filters, wide}, DType::f32, x.device());
  Tensor sums = Tensor::empty({filters * wide}, DType::f64, x.device());
  for (int64_t first = 0; first < pixels;) {
    int64_t rows = std::min(length, pixels - first), count = std::min((pixels - first) / rows, most);
    Tensor seen;
    if (is_seen) {
      seen = x.range(first * columns, {count, rows, columns});
    } else {
      seen = Tensor::empty({count, rows, wide}, DType::f32, x.device());
      gather(x, g, first, seen);
    }
    if (!blas_product(dy.range(first * filters, {count, rows, filters}), true, seen, false, Epilogue::none,
                      {}, parts.range(0, {count, filters, wide})))
      return false;
    column_sums<double>(
        parts, count, filters * wide, MatrixElement<float>{parts.data<float>(), filters * wide},
        StoreSumSoFar{sums.mutable_data<double>(), first == 0, columns, wide, dkernel.mutable_data<float>()});
    first += count * rows;
  }
  return true;
}

}  // namespace manul::cuda
