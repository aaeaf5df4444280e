#include <algorithm>

#include "manul/framework/cuda/launch.h"
#include "manul/ops/pool/pool2d.h"

namespace manul::cuda {
namespace {

/// The part of a window that lies on the picture, along one axis.
struct Extent {
  int64_t begin, end;
};

__device__ Extent extent(const WindowGeometry& g, int axis, int64_t output) {
  int64_t begin = output * g.strides[axis] - g.pad_before[axis];
  return {max(begin, int64_t{0}), min(begin + g.size[axis], g.input[axis])};
}

/// The windows that an input pixel lies in, along one axis.
__device__ Extent windows_over(const WindowGeometry& g, int axis, int64_t input) {
  int64_t at = input + g.pad_before[axis], before = at - g.size[axis] + 1;
  int64_t first = before <= 0 ? 0 : (before + g.strides[axis] - 1) / g.strides[axis];
  return {first, min(at / g.strides[axis] + 1, g.output[axis])};
}

struct Place {
  int64_t n, y, x, c;
};

__device__ Place place_of(int64_t i, int64_t height, int64_t width, int64_t channels) {
  int64_t c = i % channels, pixel = i / channels;
  return {pixel / (height * width), pixel / width % height, pixel % width, c};
}

template <class T>
struct MaxForward {
  const T* x;
  WindowGeometry g;
  T* y;
  __device__ void operator()(int64_t i) const {
    Place at = place_of(i, g.output[0], g.output[1], g.channels);
    Extent rows = extent(g, 0, at.y), columns = extent(g, 1, at.x);
    const T* picture = x + at.n * g.input[0] * g.input[1] * g.channels + at.c;
    T best = picture[(rows.begin * g.input[1] + columns.begin) * g.channels];
    for (int64_t iy = rows.begin; iy < rows.end; ++iy)
      for (int64_t ix = columns.begin; ix < columns.end; ++ix) {
        T value = picture[(iy * g.input[1] + ix) * g.channels];
        best = value <= best || best != best ? best : value;  // written so that a NaN wins and stays
      }
    y[i] = best;
  }
};

/// An input element gathers from the windows in which it is the first of the largest.
template <class T>
struct MaxBackward {
  const T *x, *y, *dy;
  WindowGeometry g;
  T* dx;

  __device__ bool is_first(const T* picture, T best, Extent rows, Extent columns, int64_t iy,
                           int64_t ix) const {
    for (int64_t wy = rows.begin; wy <= iy; ++wy)
      for (int64_t wx = columns.begin; wx < (wy == iy ? ix : columns.end); ++wx)
        if (!(picture[(wy * g.input[1] + wx) * g.channels] < best)) return false;
    return true;
  }
  __device__ void operator()(int64_t i) const {
    Place at = place_of(i, g.input[0], g.input[1], g.channels);
    Extent rows = windows_over(g, 0, at.y), columns = windows_over(g, 1, at.x);
    const T* picture = x + at.n * g.input[0] * g.input[1] * g.channels + at.c;
    T own = x[i], sum = 0;
    for (int64_t oy = rows.begin; oy < rows.end; ++oy)
      for (int64_t ox = columns.begin; ox < columns.end; ++ox) {
        int64_t o = ((at.n * g.output[0] + oy) * g.output[1] + ox) * g.channels + at.c;
        if (!(own < y[o]) && is_first(picture, y[o], extent(g, 0, oy), extent(g, 1, ox), at.y, at.x))
          sum += dy[o];
      }
    dx[i] = sum;
  }
};

template <class T>
struct AverageForward {
  const T* x;
  WindowGeometry g;
  T* y;
  __device__ void operator()(int64_t i) const {
    Place at = place_of(i, g.output[0], g.output[1], g.channels);
    Extent rows = extent(g, 0, at.y), columns = extent(g, 1, at.x);
    const T* picture = x + at.n * g.input[0] * g.input[1] * g.channels + at.c;
    T sum = 0;
    for (int64_t iy = rows.begin; iy < rows.end; ++iy)
      for (int64_t ix = columns.begin; ix < columns.end; ++ix)
        sum += picture[(iy * g.input[1] + ix) * g.channels];
    y[i] = sum / static_cast<T>((rows.end - rows.begin) * (columns.end - columns.begin));
  }
};

template <class T>
struct AverageBackward {
  const T* dy;
  WindowGeometry g;
  T* dx;
  __device__ void operator()(int64_t i) const {
    Place at = place_of(i, g.input[0], g.input[1], g.channels);
    Extent rows = windows_over(g, 0, at.y), columns = windows_over(g, 1, at.x);
    T sum = 0;
    for (int64_t oy = rows.begin; oy < rows.end; ++oy)
      for (int64_t ox = columns.begin; ox < columns.end; ++ox) {
        Extent h = extent(g, 0, oy), w = extent(g, 1, ox);
        sum += dy[((at.n * g.output[0] + oy) * g.output[1] + ox) * g.channels + at.c] /
               static_cast<T>((h.end - h.begin) * (w.end - w.begin));
      }
    dx[i] = sum;
  }
};

template <class T>
struct GlobalMaxForward {
  const T* x;
  int64_t pixels, channels;
  T* y;
  __device__ void operator()(int64_t i) const {
    const T* from = x + i / channels * pixels * channels + i % channels;
    T best = from[0];
    for (int64_t pixel = 1; pixel < pixels; ++pixel) {
      T value = from[pixel * channels];
      best = value <= best || best != best ? best : value;
    }
    y[i] = best;
  }
};

/// A channel of a picture: equal largest values share the gradient.
template <class T>
struct GlobalMaxBackward {
  const T *x, *y, *dy;
  int64_t pixels, channels;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t first = i / channels * pixels * channels + i % channels;
    T best = y[i], count = 0;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      count += x[first + pixel * channels] == best ? T(1) : T(0);
    T share = dy[i] / count;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      dx[first + pixel * channels] = x[first + pixel * channels] == best ? share : T(0);
  }
};

}  // namespace

void max_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y) {
  visit_float(x.dtype(), "max_pool2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(), MaxForward<T>{x.data<T>(), geometry, y.mutable_data<T>()});
  });
}

void max_pool2d_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const WindowGeometry& geometry,
                         const Tensor& dx) {
  visit_float(x.dtype(), "max_pool2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), dx.elements(),
             MaxBackward<T>{x.data<T>(), y.data<T>(), dy.data<T>(), geometry, dx.mutable_data<T>()});
  });
}

void average_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y) {
  visit_float(x.dtype(), "average_pool2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(), AverageForward<T>{x.data<T>(), geometry, y.mutable_data<T>()});
  });
}

void average_pool2d_backward(const Tensor& dy, const WindowGeometry& geometry, const Tensor& dx) {
  visit_float(dy.dtype(), "average_pool2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dy), dx.elements(), AverageBackward<T>{dy.data<T>(), geometry, dx.mutable_data<T>()});
  });
}

void global_max_pool_forward(const Tensor& x, const Tensor& y) {
  if (y.elements() == 0) return;
  visit_float(x.dtype(), "global_max_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(
        context_of(x), y.elements(),
        GlobalMaxForward<T>{x.data<T>(), x.elements() / y.elements(), y.shape()[1], y.mutable_data<T>()});
  });
}

void global_max_pool_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  if (y.elements() == 0) return;
  visit_float(x.dtype(), "global_max_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(),
             GlobalMaxBackward<T>{x.data<T>(), y.data<T>(), dy.data<T>(), x.elements() / y.elements(),
                                  y.shape()[1], dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
