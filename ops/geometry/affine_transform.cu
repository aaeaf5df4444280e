#include "manul/framework/cuda/launch.h"
#include "manul/ops/geometry/affine_function.h"

namespace manul::cuda {
namespace {

template <class T>
struct AffineBody {
  const T* x;
  const float* matrices;
  AffineOptions options;
  int64_t height, width, channels, rows, columns;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % channels, column = i / channels % columns, line = i / channels / columns;
    const T* picture = x + line / rows * height * width * channels;
    AffineTap taps[4];
    int count = affine_taps(matrices + line / rows * 6, column, line % rows, height, width, options, taps);
    T sum = 0;
    for (int k = 0; k < count; ++k)
      sum += static_cast<T>(taps[k].weight) *
             (taps[k].row < 0 ? static_cast<T>(options.fill_value)
                              : picture[(taps[k].row * width + taps[k].column) * channels + c]);
    y[i] = sum;
  }
};

/// A thread a picture and channel, so that the sums have one order; augmentation stands first in a network,
/// where nobody asks for this gradient.
template <class T>
struct AffineBackwardBody {
  const T* dy;
  const float* matrices;
  AffineOptions options;
  int64_t height, width, channels, rows, columns;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t n = i / channels, c = i % channels;
    T* picture = dx + n * height * width * channels;
    for (int64_t at = 0; at < height * width; ++at) picture[at * channels + c] = 0;
    for (int64_t at = 0; at < rows * columns; ++at) {
      AffineTap taps[4];
      int count = affine_taps(matrices + n * 6, at % columns, at / columns, height, width, options, taps);
      T arrived = dy[(n * rows * columns + at) * channels + c];
      for (int k = 0; k < count; ++k)
        if (taps[k].row >= 0)
          picture[(taps[k].row * width + taps[k].column) * channels + c] +=
              static_cast<T>(taps[k].weight) * arrived;
    }
  }
};

}  // namespace

void affine_transform(const Tensor& x, const Tensor& matrices, const AffineOptions& options,
                      const Tensor& y) {
  visit_float(x.dtype(), "affine_transform", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(),
             AffineBody<T>{x.data<T>(), matrices.data<float>(), options, x.shape()[1], x.shape()[2],
                           x.shape()[3], y.shape()[1], y.shape()[2], y.mutable_data<T>()});
  });
}

void affine_transform_backward(const Tensor& dy, const Tensor& matrices, const AffineOptions& options,
                               const Tensor& dx) {
  visit_float(dy.dtype(), "affine_transform", [&](auto zero) {
    using T = decltype(zero);
    for_each(
        context_of(dy), dx.shape()[0] * dx.shape()[3],
        AffineBackwardBody<T>{dy.data<T>(), matrices.data<float>(), options, dx.shape()[1], dx.shape()[2],
                              dx.shape()[3], dy.shape()[1], dy.shape()[2], dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
