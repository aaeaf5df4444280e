#include <algorithm>

#include "framework/cpu/parallel.h"
#include "ops/conv2d.h"

namespace manul::cpu {
namespace {

/// Where tap `k` of output `o` reads along one axis; outside [0, input) it is padding.
int64_t source(const WindowGeometry& g, int axis, int64_t o, int64_t k) {
  return o * g.strides[axis] + k * g.dilation[axis] - g.pad_before[axis];
}

/// Calls visit(output pixel, tap, input pixel) for every tap of output row `row` (of batch * height) that is
/// not padding.
template <class Visit>
void visit_taps(const WindowGeometry& g, int64_t row, Visit&& visit) {
  int64_t n = row / g.output[0], oy = row % g.output[0];
  for (int64_t ox = 0; ox < g.output[1]; ++ox)
    for (int64_t ky = 0; ky < g.size[0]; ++ky)
      for (int64_t kx = 0; kx < g.size[1]; ++kx) {
        int64_t iy = source(g, 0, oy, ky), ix = source(g, 1, ox, kx);
        if (iy < 0 || iy >= g.input[0] || ix < 0 || ix >= g.input[1]) continue;
        visit(row * g.output[1] + ox, ky * g.size[1] + kx, (n * g.input[0] + iy) * g.input[1] + ix);
      }
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
                    const Tensor& y) {
  visit_float(x.dtype(), "conv2d", [&](auto element) {
    using T = decltype(element);
    int64_t filters = kernel.shape()[0], channels = geometry.channels;
    int64_t taps = geometry.size[0] * geometry.size[1];
    const T *from = x.data<T>(), *weight = kernel.data<T>(), *b = bias.defined() ? bias.data<T>() : nullptr;
    T* to = y.mutable_data<T>();
    parallel_for(geometry.batch * geometry.output[0], 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * geometry.output[1]; i < end * geometry.output[1]; ++i)
        for (int64_t f = 0; f < filters; ++f) to[i * filters + f] = b ? b[f] : T(0);
      for (int64_t row = begin; row < end; ++row)
        visit_taps(geometry, row, [&](int64_t out, int64_t tap, int64_t in) {
          for (int64_t f = 0; f < filters; ++f) {
            T sum = 0;
            for (int64_t c = 0; c < channels; ++c)
              sum += from[in * channels + c] * weight[(f * taps + tap) * channels + c];
            to[out * filters + f] += sum;
          }
        });
    });
  });
}

void conv2d_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                           const Tensor& dx) {
  dx.fill_zero();
  visit_float(dy.dtype(), "conv2d", [&](auto element) {
    using T = decltype(element);
    int64_t filters = kernel.shape()[0], channels = geometry.channels;
    int64_t taps = geometry.size[0] * geometry.size[1];
    const T *from = dy.data<T>(), *weight = kernel.data<T>();
    T* to = dx.mutable_data<T>();
    parallel_for(geometry.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin * geometry.output[0]; row < end * geometry.output[0]; ++row)
        visit_taps(geometry, row, [&](int64_t out, int64_t tap, int64_t in) {
          for (int64_t f = 0; f < filters; ++f)
            for (int64_t c = 0; c < channels; ++c)
              to[in * channels + c] += from[out * filters + f] * weight[(f * taps + tap) * channels + c];
        });
    });
  });
}

void conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                            const Tensor& dkernel, const Tensor& dbias) {
  visit_float(dy.dtype(), "conv2d", [&](auto element) {
    using T = decltype(element);
    int64_t filters = dy.shape()[3], channels = geometry.channels;
    int64_t taps = geometry.size[0] * geometry.size[1], rows = geometry.batch * geometry.output[0];
    const T *from = x.data<T>(), *gradient = dy.data<T>();
    parallel_for(filters, 1, [&](int64_t begin, int64_t end) {
      for (int64_t f = begin; f < end; ++f) {
        if (dkernel.defined()) {
          T* sums = dkernel.mutable_data<T>() + f * taps * channels;
          std::fill_n(sums, taps * channels, T(0));
          for (int64_t row = 0; row < rows; ++row)
            visit_taps(geometry, row, [&](int64_t out, int64_t tap, int64_t in) {
              for (int64_t c = 0; c < channels; ++c)
                sums[tap * channels + c] += gradient[out * filters + f] * from[in * channels + c];
            });
        }
        if (dbias.defined()) {
          T sum = 0;
          for (int64_t out = 0; out < rows * geometry.output[1]; ++out) sum += gradient[out * filters + f];
          dbias.mutable_data<T>()[f] = sum;
        }
      }
    });
  });
}

}  // namespace manul::cpu
