#include "manul/ops/geometry/resize2d.h"

#include <algorithm>
#include <vector>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/geometry/resize_axis.h"

namespace manul {

Tensor resize2d(const Tensor& x, const std::array<int64_t, 2>& size, ResizeInterpolation interpolation) {
  const Shape& s = x.shape();
  check(s.rank() == 4 && s[1] > 0 && s[2] > 0, "resize2d: input {} is not [batch, height, width, channels]",
        s);
  constexpr int64_t longest = 1 << 24;  // f32 counts exactly up to here
  check(size[0] >= 1 && size[1] >= 1 && std::max({size[0], size[1], s[1], s[2]}) <= longest,
        "resize2d: {} to {} x {}: lengths must be from 1 to {}", s, size[0], size[1], longest);
  Tensor y = Tensor::empty({s[0], size[0], size[1], s[3]}, x.dtype(), x.device());
  resize2d_forward_kernel(x, interpolation, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("resize2d", y, {x}, [interpolation](const Tensor& dy, Gradients& gradients) {
      resize2d_backward_kernel(dy, interpolation, gradients.target(0));
    });
  return y;
}

Tensor upsample2d(const Tensor& x, const std::array<int64_t, 2>& factors, ResizeInterpolation interpolation) {
  const Shape& s = x.shape();
  check(s.rank() == 4, "upsample2d: input {} is not [batch, height, width, channels]", s);
  constexpr int64_t most = 1 << 24;
  check(factors[0] >= 1 && factors[1] >= 1 && factors[0] <= most && factors[1] <= most,
        "upsample2d: factors [{}, {}] must be from 1 to {}", factors[0], factors[1], most);
  return resize2d(x, {s[1] * factors[0], s[2] * factors[1]}, interpolation);
}

namespace cpu {
namespace {

constexpr int64_t rows_a_part = 4;

std::vector<ResizeAxis::Taps> taps_of(const ResizeAxis& axis) {
  std::vector<ResizeAxis::Taps> taps(axis.output);
  for (int64_t o = 0; o < axis.output; ++o) taps[o] = axis.taps(o);
  return taps;
}

struct Axes {
  ResizeAxis rows, columns;
};
Axes axes_of(const Tensor& small, const Tensor& large, ResizeInterpolation interpolation) {
  bool bilinear = interpolation == ResizeInterpolation::bilinear;
  return {{small.shape()[1], large.shape()[1], bilinear}, {small.shape()[2], large.shape()[2], bilinear}};
}

template <class T>
void forward(const T* x, const Axes& axes, int64_t batch, int64_t channels, T* y) {
  std::vector<ResizeAxis::Taps> columns = taps_of(axes.columns);
  int64_t line = axes.columns.input * channels;
  parallel_for(batch * axes.rows.output, rows_a_part, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      ResizeAxis::Taps at = axes.rows.taps(row % axes.rows.output);
      const T* picture = x + row / axes.rows.output * axes.rows.input * line;
      const T *low = picture + at.low * line, *high = picture + at.high * line;
      T* to = y + row * axes.columns.output * channels;
      for (const ResizeAxis::Taps& column : columns) {
        int64_t left = column.low * channels, right = column.high * channels;
        if (axes.rows.bilinear) {
          T down = at.weight, across = column.weight;
          for (int64_t c = 0; c < channels; ++c) {
            T above = low[left + c] + (low[right + c] - low[left + c]) * across;
            T below = high[left + c] + (high[right + c] - high[left + c]) * across;
            to[c] = above + (below - above) * down;
          }
        } else {
          std::copy_n(low + left, channels, to);
        }
        to += channels;
      }
    }
  });
}

/// A row of dx takes from all rows of dy that read it.
template <class T>
void backward(const T* dy, const Axes& axes, int64_t batch, int64_t channels, T* dx) {
  std::vector<ResizeAxis::Taps> columns = taps_of(axes.columns);
  int64_t line = axes.columns.input * channels;
  parallel_for(batch * axes.rows.input, rows_a_part, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t row = i % axes.rows.input, n = i / axes.rows.input;
      T* to = dx + i * line;
      std::fill_n(to, line, T(0));
      ResizeAxis::Extent readers = axes.rows.readers(row);
      for (int64_t o = readers.begin; o < readers.end; ++o) {
        T down = axes.rows.weight(o, row);
        if (down == T(0)) continue;
        const T* from = dy + (n * axes.rows.output + o) * axes.columns.output * channels;
        for (const ResizeAxis::Taps& column : columns) {
          T right = down * column.weight, left = down - right;
          for (int64_t c = 0; c < channels; ++c) to[column.low * channels + c] += from[c] * left;
          if (column.weight != 0)
            for (int64_t c = 0; c < channels; ++c) to[column.high * channels + c] += from[c] * right;
          from += channels;
        }
      }
    }
  });
}

}  // namespace

void resize2d_forward(const Tensor& x, ResizeInterpolation interpolation, const Tensor& y) {
  visit_float(x.dtype(), "resize2d", [&]<class T>(T) {
    forward(x.data<T>(), axes_of(x, y, interpolation), x.shape()[0], x.shape()[3], y.mutable_data<T>());
  });
}

void resize2d_backward(const Tensor& dy, ResizeInterpolation interpolation, const Tensor& dx) {
  visit_float(dy.dtype(), "resize2d", [&]<class T>(T) {
    backward(dy.data<T>(), axes_of(dx, dy, interpolation), dx.shape()[0], dx.shape()[3],
             dx.mutable_data<T>());
  });
}

}  // namespace cpu
}  // namespace manul
