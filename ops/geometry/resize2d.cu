#include "manul/framework/cuda/launch.h"
#include "manul/ops/geometry/resize2d.h"
#include "manul/ops/geometry/resize_axis.h"

namespace manul::cuda {
namespace {

template <class T>
struct Forward {
  const T* x;
  ResizeAxis rows, columns;
  int64_t channels;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % channels, pixel = i / channels, line = pixel / columns.output;
    ResizeAxis::Taps column = columns.taps(pixel % columns.output), row = rows.taps(line % rows.output);
    const T* picture = x + line / rows.output * rows.input * columns.input * channels + c;
    auto at = [&](int64_t r, int64_t k) { return picture[(r * columns.input + k) * channels]; };
    T above = at(row.low, column.low), below = at(row.high, column.low);
    T across = static_cast<T>(column.weight), down = static_cast<T>(row.weight);
    above += (at(row.low, column.high) - above) * across;
    below += (at(row.high, column.high) - below) * across;
    y[i] = rows.bilinear ? above + (below - above) * down : above;
  }
};

/// An input element gathers from the outputs that read it.
template <class T>
struct Backward {
  const T* dy;
  ResizeAxis rows, columns;
  int64_t channels;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % channels, pixel = i / channels, line = pixel / columns.input;
    int64_t column = pixel % columns.input, row = line % rows.input, n = line / rows.input;
    ResizeAxis::Extent down = rows.readers(row), across = columns.readers(column);
    T sum = 0;
    for (int64_t oy = down.begin; oy < down.end; ++oy) {
      T by = static_cast<T>(rows.weight(oy, row));
      if (by == T(0)) continue;
      for (int64_t ox = across.begin; ox < across.end; ++ox) {
        T weight = by * static_cast<T>(columns.weight(ox, column));
        if (weight != T(0)) sum += weight * dy[((n * rows.output + oy) * columns.output + ox) * channels + c];
      }
    }
    dx[i] = sum;
  }
};

}  // namespace

void resize2d_forward(const Tensor& x, ResizeInterpolation interpolation, const Tensor& y) {
  bool bilinear = interpolation == ResizeInterpolation::bilinear;
  visit_float(x.dtype(), "resize2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(),
             Forward<T>{x.data<T>(), ResizeAxis(x.shape()[1], y.shape()[1], bilinear),
                        ResizeAxis(x.shape()[2], y.shape()[2], bilinear), x.shape()[3], y.mutable_data<T>()});
  });
}

void resize2d_backward(const Tensor& dy, ResizeInterpolation interpolation, const Tensor& dx) {
  bool bilinear = interpolation == ResizeInterpolation::bilinear;
  visit_float(dy.dtype(), "resize2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(
        context_of(dy), dx.elements(),
        Backward<T>{dy.data<T>(), ResizeAxis(dx.shape()[1], dy.shape()[1], bilinear),
                    ResizeAxis(dx.shape()[2], dy.shape()[2], bilinear), dx.shape()[3], dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
