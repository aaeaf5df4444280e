#include "manul/ops/conv/depthwise_conv2d.h"

#include <numeric>

#include "manul/ops/conv/depthwise_rows_cpu.h"

namespace manul::cpu {
namespace {

/// The taps of the gradient of the input rows (or columns) phase, phase + stride, ...: see conv2d_cpu.cpp.
std::vector<std::array<int64_t, 2>> phase_taps(const WindowGeometry& g, int axis, int64_t phase) {
  std::vector<std::array<int64_t, 2>> offsets_and_taps;
  for (int64_t k = g.size[axis] - 1; k >= 0; --k) {
    int64_t distance = phase + g.pad_before[axis] - k * g.dilation[axis];
    if (distance % g.strides[axis] == 0) offsets_and_taps.push_back({distance / g.strides[axis], k});
  }
  return offsets_and_taps;
}

template <class T>
void backward_input(const T* dy, const T* kernel, int64_t filters, const WindowGeometry& g, T* dx) {
  int64_t row_step = g.input[1] * filters;
  for (int64_t top = 0; top < std::min(g.strides[0], g.input[0]); ++top)
    for (int64_t left = 0; left < std::min(g.strides[1], g.input[1]); ++left) {
      std::vector<DepthwiseTap> taps;
      for (auto [row, ky] : phase_taps(g, 0, top))
        for (auto [column, kx] : phase_taps(g, 1, left))
          taps.push_back({row, column, (ky * g.size[1] + kx) * filters});
      auto count = [&](int axis, int64_t phase) {
        return (g.input[axis] - phase + g.strides[axis] - 1) / g.strides[axis];
      };
      DepthwisePass<T> pass{dy,
                            g.batch,
                            g.output[0],
                            g.output[1],
                            filters,
                            {1, 1},
                            {count(0, top), count(1, left)},
                            kernel,
                            nullptr,
                            dx + top * row_step + left * filters,
                            g.input[0] * row_step,
                            g.strides[0] * row_step,
                            g.strides[1] * filters};
      pass.run(taps);
    }
}

/// Where every channel has several kernels: a picture with each channel as often as it has kernels, so that
/// outputs and inputs lie alike. One picture at a time.
template <class T>
class RepeatedChannels {
 public:
  RepeatedChannels(const WindowGeometry& g, int64_t multiplier)
      : pixels_(g.input[0] * g.input[1]), channels_(g.channels), multiplier_(multiplier) {
    memory_ = Tensor::empty({pixels_ * channels_ * multiplier}, dtype_of<T>);
  }
  T* data() const { return memory_.mutable_data<T>(); }

  void repeat(const T* picture) const {
    T* to = data();
    parallel_for(pixels_ * channels_, grain, [=, m = multiplier_](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) std::fill_n(to + i * m, m, picture[i]);
    });
  }
  void add_up(T* picture) const {
    const T* from = data();
    parallel_for(pixels_ * channels_, grain, [=, m = multiplier_](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        picture[i] = std::accumulate(from + i * m, from + (i + 1) * m, T(0));
    });
  }

 private:
  static constexpr int64_t grain = 1 << 14;
  int64_t pixels_, channels_, multiplier_;
  Tensor memory_;
};

/// Calls one(picture geometry, picture) with a batch of one for each picture.
template <class Function>
void for_pictures(const WindowGeometry& g, const Function& one) {
  WindowGeometry single = g;
  single.batch = 1;
  for (int64_t n = 0; n < g.batch; ++n) one(single, n);
}

template <class T>
void forward(const T* x, const T* kernel, const T* bias, int64_t filters, const WindowGeometry& g, T* y,
             const FinishRange* finish = nullptr) {
  std::vector<DepthwiseTap> taps = depthwise_taps(g, filters);
  int64_t row_step = g.output[1] * filters;
  DepthwisePass<T> pass{x,
                        g.batch,
                        g.input[0],
                        g.input[1],
                        filters,
                        g.strides,
                        g.output,
                        kernel,
                        bias,
                        y,
                        g.output[0] * row_step,
                        row_step,
                        filters,
                        finish};
  pass.run(taps);
}

}  // namespace

void depthwise_conv2d_activation_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                         const WindowGeometry& g, Activation before, Activation after,
                                         const Tensor& y) {
  Tensor seen = activate(x, before);
  if (kernel.shape()[3] > 1) {
    depthwise_conv2d_forward(seen, kernel, bias, g, y);
    return add_activation({}, after, y);
  }
  FinishRange finish = finish_range({}, after, y);
  visit_float(x.dtype(), "depthwise_conv2d", [&]<class T>(T) {
    forward(seen.data<T>(), kernel.data<T>(), bias.defined() ? bias.data<T>() : nullptr, y.shape()[3], g,
            y.mutable_data<T>(), finish ? &finish : nullptr);
  });
}

void depthwise_conv2d_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                              const WindowGeometry& g, const Tensor& y) {
  visit_float(x.dtype(), "depthwise_conv2d", [&]<class T>(T) {
    int64_t filters = y.shape()[3], multiplier = kernel.shape()[3];
    const T* offset = bias.defined() ? bias.data<T>() : nullptr;
    if (multiplier == 1)
      return forward(x.data<T>(), kernel.data<T>(), offset, filters, g, y.mutable_data<T>());
    RepeatedChannels<T> repeated(g, multiplier);
    for_pictures(g, [&](const WindowGeometry& single, int64_t n) {
      repeated.repeat(x.data<T>() + n * g.input[0] * g.input[1] * g.channels);
      forward<T>(repeated.data(), kernel.data<T>(), offset, filters, single,
                 y.mutable_data<T>() + n * g.output[0] * g.output[1] * filters);
    });
  });
}

void depthwise_conv2d_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g,
                                     const Tensor& dx) {
  visit_float(dy.dtype(), "depthwise_conv2d", [&]<class T>(T) {
    int64_t filters = dy.shape()[3], multiplier = kernel.shape()[3];
    if (multiplier == 1)
      return backward_input(dy.data<T>(), kernel.data<T>(), filters, g, dx.mutable_data<T>());
    RepeatedChannels<T> repeated(g, multiplier);
    for_pictures(g, [&](const WindowGeometry& single, int64_t n) {
      backward_input(dy.data<T>() + n * g.output[0] * g.output[1] * filters, kernel.data<T>(), filters,
                     single, repeated.data());
      repeated.add_up(dx.mutable_data<T>() + n * g.input[0] * g.input[1] * g.channels);
    });
  });
}

void depthwise_conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                      const Tensor& dkernel, const Tensor& dbias) {
  visit_float(dy.dtype(), "depthwise_conv2d", [&]<class T>(T) {
    int64_t filters = dy.shape()[3], multiplier = g.channels == 0 ? 1 : filters / g.channels;
    DepthwiseKernelGradient<T> sums(g, filters, dkernel.defined(), dbias.defined());
    if (multiplier == 1) {
      sums.add(x.data<T>(), dy.data<T>(), g.batch);
    } else {
      RepeatedChannels<T> repeated(g, multiplier);
      for_pictures(g, [&](const WindowGeometry&, int64_t n) {
        repeated.repeat(x.data<T>() + n * g.input[0] * g.input[1] * g.channels);
        sums.add(repeated.data(), dy.data<T>() + n * g.output[0] * g.output[1] * filters, 1);
      });
    }
    sums.finish(dkernel.defined() ? dkernel.mutable_data<T>() : nullptr,
                dbias.defined() ? dbias.mutable_data<T>() : nullptr);
  });
}

}  // namespace manul::cpu
