#include <algorithm>

#include "framework/cpu/parallel.h"
#include "ops/conv_relu_pool.h"

namespace manul::cpu {
namespace {

constexpr uint8_t cut = 4;  // the code of a window that relu cut to zero

/// The first input pixel under position `code` of pooling window (n, py, px).
int64_t first_pixel(const WindowGeometry& g, int64_t n, int64_t py, int64_t px, int code) {
  int64_t iy = (2 * py + code / 2) * g.strides[0], ix = (2 * px + code % 2) * g.strides[1];
  return (n * g.input[0] + iy) * g.input[1] + ix;
}

/// Calls visit(pooled pixel, n, py, px) for all pooled pixels of pictures [begin, end).
template <class Visit>
void visit_pooled(const WindowGeometry& g, int64_t begin, int64_t end, Visit&& visit) {
  int64_t height = g.output[0] / 2, width = g.output[1] / 2;
  for (int64_t n = begin; n < end; ++n)
    for (int64_t py = 0; py < height; ++py)
      for (int64_t px = 0; px < width; ++px) visit((n * height + py) * width + px, n, py, px);
}

template <class T>
void forward(const T* x, const T* kernel, const T* bias, int64_t filters, const WindowGeometry& g, T* pooled,
             uint8_t* winner) {
  int64_t run = g.size[1] * g.channels, taps = g.size[0] * run;
  parallel_for(g.batch, 1, [&](int64_t begin, int64_t end) {
    visit_pooled(g, begin, end, [&](int64_t pixel, int64_t n, int64_t py, int64_t px) {
      for (int64_t f = 0; f < filters; ++f) {
        T best = 0;
        uint8_t code = cut;
        for (int q = 0; q < 4; ++q) {
          const T* window = x + first_pixel(g, n, py, px, q) * g.channels;
          T sum = bias ? bias[f] : T(0);
          for (int64_t ky = 0; ky < g.size[0]; ++ky)
            for (int64_t i = 0; i < run; ++i)
              sum += window[ky * g.input[1] * g.channels + i] * kernel[f * taps + ky * run + i];
          if (sum > best) best = sum, code = static_cast<uint8_t>(q);
        }
        pooled[pixel * filters + f] = best;
        winner[pixel * filters + f] = code;
      }
    });
  });
}

}  // namespace

void conv_relu_pool_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const WindowGeometry& conv, const Tensor& pooled, const Tensor& winner) {
  visit_float(x.dtype(), "conv_relu_pool", [&]<class T>(T) {
    forward(x.data<T>(), kernel.data<T>(), bias.defined() ? bias.data<T>() : nullptr, kernel.shape()[0], conv,
            pooled.mutable_data<T>(), winner.mutable_data<uint8_t>());
  });
}

void conv_relu_pool_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled,
                             const WindowGeometry& g, const Tensor& dkernel, const Tensor& dbias) {
  if (dkernel.defined()) dkernel.fill_zero();
  if (dbias.defined()) dbias.fill_zero();
  visit_float(x.dtype(), "conv_relu_pool", [&]<class T>(T) {
    int64_t filters = dpooled.shape()[3], run = g.size[1] * g.channels, taps = g.size[0] * run;
    visit_pooled(g, 0, g.batch, [&](int64_t pixel, int64_t n, int64_t py, int64_t px) {
      for (int64_t f = 0; f < filters; ++f) {
        uint8_t code = winner.data<uint8_t>()[pixel * filters + f];
        if (code == cut) continue;
        T gradient = dpooled.data<T>()[pixel * filters + f];
        if (dbias.defined()) dbias.mutable_data<T>()[f] += gradient;
        if (!dkernel.defined()) continue;
        const T* window = x.data<T>() + first_pixel(g, n, py, px, code) * g.channels;
        T* sums = dkernel.mutable_data<T>() + f * taps;
        for (int64_t ky = 0; ky < g.size[0]; ++ky)
          for (int64_t i = 0; i < run; ++i)
            sums[ky * run + i] += gradient * window[ky * g.input[1] * g.channels + i];
      }
    });
  });
}

void conv_relu_pool_backward_input(const Tensor& winner, const Tensor& dpooled, const Tensor& kernel,
                                   const WindowGeometry& g, const Tensor& dx) {
  dx.fill_zero();
  visit_float(dx.dtype(), "conv_relu_pool", [&]<class T>(T) {
    int64_t filters = dpooled.shape()[3], run = g.size[1] * g.channels, taps = g.size[0] * run;
    parallel_for(g.batch, 1, [&](int64_t begin, int64_t end) {
      visit_pooled(g, begin, end, [&](int64_t pixel, int64_t n, int64_t py, int64_t px) {
        for (int64_t f = 0; f < filters; ++f) {
          uint8_t code = winner.data<uint8_t>()[pixel * filters + f];
          if (code == cut) continue;
          T gradient = dpooled.data<T>()[pixel * filters + f];
          T* window = dx.mutable_data<T>() + first_pixel(g, n, py, px, code) * g.channels;
          const T* weight = kernel.data<T>() + f * taps;
          for (int64_t ky = 0; ky < g.size[0]; ++ky)
            for (int64_t i = 0; i < run; ++i)
              window[ky * g.input[1] * g.channels + i] += gradient * weight[ky * run + i];
        }
      });
    });
  });
}

}  // namespace manul::cpu
