#include <algorithm>
#include <vector>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/vector.h"
#include "manul/framework/elementary.h"
#include "manul/ops/pool/pool2d.h"

namespace manul::cpu {
namespace {

/// The part of a window that lies on the picture.
struct Extent {
  int64_t begin, end;
};

Extent extent(const WindowGeometry& g, int axis, int64_t output) {
  int64_t begin = output * g.strides[axis] - g.pad_before[axis];
  return {std::max(begin, int64_t{0}), std::min(begin + g.size[axis], g.input[axis])};
}

/// Calls visit(output pixel, rows, columns) for the outputs of `row` (of batch * output height), where rows
/// count through the whole batch.
template <class Visit>
void visit_windows(const WindowGeometry& g, int64_t row, Visit&& visit) {
  int64_t first_row = row / g.output[0] * g.input[0];
  Extent rows = extent(g, 0, row % g.output[0]);
  for (int64_t ox = 0; ox < g.output[1]; ++ox)
    visit(row * g.output[1] + ox, Extent{first_row + rows.begin, first_row + rows.end}, extent(g, 1, ox));
}

/// Calls visit(pixel) for the pixels of a window, counted through the whole batch.
template <class Visit>
[[gnu::always_inline]] inline void visit_pixels(const WindowGeometry& g, Extent rows, Extent columns,
                                                const Visit& visit) {
  for (int64_t iy = rows.begin; iy < rows.end; ++iy)
    for (int64_t ix = columns.begin; ix < columns.end; ++ix) visit(iy * g.input[1] + ix);
}

template <class T>
void max_forward(const T* x, const WindowGeometry& g, T* y) {
  const int64_t channels = g.channels;
  parallel_for(g.batch * g.output[0], 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      visit_windows(g, row, [=](int64_t pixel, Extent rows, Extent columns) {
        const int64_t first = rows.begin * g.input[1] + columns.begin;
        for_vectors<T>(channels, [=](int64_t c, int64_t count, auto whole) {
          Vector<T> best = read_channels(x + first * channels + c, count, whole);
          visit_pixels(g, rows, columns, [&](int64_t from) {
            const Vector<T> value = read_channels(x + from * channels + c, count, whole);
            best = value <= best || best != best ? best : value;  // so that a NaN wins and stays
          });
          write_channels(y + pixel * channels + c, best, count, whole);
        });
      });
  });
}

/// Whether windows lie side by side and cover the picture: then each element has one gradient.
bool covers_once(const WindowGeometry& g) {
  auto covers = [&](int axis) {
    return g.strides[axis] == g.size[axis] && g.dilation[axis] == 1 &&
           g.output[axis] * g.size[axis] >= g.input[axis] + g.pad_before[axis];
  };
  return covers(0) && covers(1);
}

template <class T>
void max_backward(const T* x, const T* y, const T* dy, const WindowGeometry& g, bool add, T* dx) {
  const int64_t channels = g.channels, picture = g.input[0] * g.input[1] * channels;
  const bool adds = add || !covers_once(g);
  parallel_for(g.batch, 1, [=](int64_t begin, int64_t end) {
    if (adds && !add) std::fill(dx + begin * picture, dx + end * picture, T(0));
    for (int64_t row = begin * g.output[0]; row < end * g.output[0]; ++row)
      visit_windows(g, row, [&](int64_t pixel, Extent rows, Extent columns) {
        for_vectors<T>(channels, [=](int64_t c, int64_t count, auto whole) {
          const Vector<T> best = read_channels(y + pixel * channels + c, count, whole);
          Vector<T> left = read_channels(dy + pixel * channels + c, count, whole);  // not given yet
          visit_pixels(g, rows, columns, [&](int64_t to) {
            const int64_t at = to * channels + c;
            const auto loses = read_channels(x + at, count, whole) < best;
            const Vector<T> given = loses ? Vector<T>{} : left;
            write_channels(dx + at, adds ? read_channels(dx + at, count, whole) + given : given, count,
                           whole);
            left = loses ? left : Vector<T>{};
          });
        });
      });
  });
}

template <class T>
void average_forward(const T* x, const WindowGeometry& g, T* y) {
  int64_t channels = g.channels;
  parallel_for(g.batch * g.output[0], 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      visit_windows(g, row, [=](int64_t pixel, Extent rows, Extent columns) {
        T* sum = y + pixel * channels;
        std::fill_n(sum, channels, T(0));
        for (int64_t iy = rows.begin; iy < rows.end; ++iy)
          for (int64_t ix = columns.begin; ix < columns.end; ++ix)
            for (int64_t c = 0; c < channels; ++c) sum[c] += x[(iy * g.input[1] + ix) * channels + c];
        T count = static_cast<T>((rows.end - rows.begin) * (columns.end - columns.begin));
        for (int64_t c = 0; c < channels; ++c) sum[c] /= count;
      });
  });
}

template <class T>
void average_backward(const T* dy, const WindowGeometry& g, T* dx) {
  int64_t channels = g.channels, picture = g.input[0] * g.input[1] * channels;
  parallel_for(g.batch, 1, [=](int64_t begin, int64_t end) {
    std::fill(dx + begin * picture, dx + end * picture, T(0));
    for (int64_t row = begin * g.output[0]; row < end * g.output[0]; ++row)
      visit_windows(g, row, [=](int64_t pixel, Extent rows, Extent columns) {
        T count = static_cast<T>((rows.end - rows.begin) * (columns.end - columns.begin));
        for (int64_t iy = rows.begin; iy < rows.end; ++iy)
          for (int64_t ix = columns.begin; ix < columns.end; ++ix)
            for (int64_t c = 0; c < channels; ++c)
              dx[(iy * g.input[1] + ix) * channels + c] += dy[pixel * channels + c] / count;
      });
  });
}

}  // namespace

void max_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y,
                        const Tensor& /*winners*/) {
  visit_float(x.dtype(), "max_pool2d",
              [&]<class T>(T) { max_forward(x.data<T>(), geometry, y.mutable_data<T>()); });
}

void max_pool2d_backward(const Tensor& x, const Tensor& y, const Tensor& /*winners*/, const Tensor& dy,
                         const WindowGeometry& geometry, bool add, const Tensor& dx) {
  // Where windows overlap their sum is added at last, as it would be by itself.
  bool at_last = add && (geometry.strides[0] < geometry.size[0] || geometry.strides[1] < geometry.size[1]);
  Tensor to = at_last ? Tensor::empty_like(dx) : dx;
  visit_float(x.dtype(), "max_pool2d", [&]<class T>(T) {
    max_backward(x.data<T>(), y.data<T>(), dy.data<T>(), geometry, add && !at_last, to.mutable_data<T>());
  });
  if (at_last) accumulate(to, dx);
}

void average_pool2d_forward(const Tensor& x, const WindowGeometry& geometry, const Tensor& y) {
  visit_float(x.dtype(), "average_pool2d",
              [&]<class T>(T) { average_forward(x.data<T>(), geometry, y.mutable_data<T>()); });
}

void average_pool2d_backward(const Tensor& dy, const WindowGeometry& geometry, const Tensor& dx) {
  visit_float(dy.dtype(), "average_pool2d",
              [&]<class T>(T) { average_backward(dy.data<T>(), geometry, dx.mutable_data<T>()); });
}

}  // namespace manul::cpu
