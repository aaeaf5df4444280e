#include "manul/ops/geometry/affine_transform.h"

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/geometry/affine_function.h"

namespace manul {

Tensor affine_transform(const Tensor& x, const Tensor& matrices, int64_t height, int64_t width,
                        const AffineOptions& options) {
  check(x.shape().rank() == 4, "affine_transform: {} is not a batch of pictures [N, H, W, C]", x.shape());
  check(matrices.shape() == Shape{x.shape()[0], 6} && matrices.dtype() == DType::f32,
        "affine_transform: pictures {} want f32 matrices [N, 6], not {} {}", x.shape(),
        name_of(matrices.dtype()), matrices.shape());
  Tensor y = Tensor::empty({x.shape()[0], height, width, x.shape()[3]}, x.dtype(), x.device());
  affine_transform_kernel(x, matrices, options, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record("affine_transform", y, {x}, [matrices, options](const Tensor& dy, Gradients& gradients) {
      affine_transform_backward_kernel(dy, matrices, options, gradients.target(0));
    });
  return y;
}

namespace cpu {

void affine_transform(const Tensor& x, const Tensor& matrices, const AffineOptions& options,
                      const Tensor& y) {
  visit_float(x.dtype(), "affine_transform", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T *to = y.mutable_data<T>(), outside = static_cast<T>(options.fill_value);
    const float* m = matrices.data<float>();
    int64_t height = x.shape()[1], width = x.shape()[2], channels = x.shape()[3], rows = y.shape()[1],
            columns = y.shape()[2];
    parallel_for(y.shape()[0] * rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) {
        int64_t n = line / rows;
        const T* picture = from + n * height * width * channels;
        for (int64_t column = 0; column < columns; ++column) {
          AffineTap taps[4];
          int count = affine_taps(m + n * 6, column, line % rows, height, width, options, taps);
          T* pixel = to + (line * columns + column) * channels;
          for (int64_t c = 0; c < channels; ++c) {
            T sum = 0;
            for (int i = 0; i < count; ++i)
              sum += static_cast<T>(taps[i].weight) *
                     (taps[i].row < 0 ? outside
                                      : picture[(taps[i].row * width + taps[i].column) * channels + c]);
            pixel[c] = sum;
          }
        }
      }
    });
  });
}

void affine_transform_backward(const Tensor& dy, const Tensor& matrices, const AffineOptions& options,
                               const Tensor& dx) {
  dx.fill_zero();
  visit_float(dy.dtype(), "affine_transform", [&](auto zero) {
    using T = decltype(zero);
    const T* from = dy.data<T>();
    T* to = dx.mutable_data<T>();
    const float* m = matrices.data<float>();
    int64_t height = dx.shape()[1], width = dx.shape()[2], channels = dx.shape()[3], rows = dy.shape()[1],
            columns = dy.shape()[2];
    parallel_for(dy.shape()[0], 1, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin * rows; line < end * rows; ++line) {
        int64_t n = line / rows;
        T* picture = to + n * height * width * channels;
        for (int64_t column = 0; column < columns; ++column) {
          AffineTap taps[4];
          int count = affine_taps(m + n * 6, column, line % rows, height, width, options, taps);
          const T* pixel = from + (line * columns + column) * channels;
          for (int i = 0; i < count; ++i)
            if (taps[i].row >= 0)
              for (int64_t c = 0; c < channels; ++c)
                picture[(taps[i].row * width + taps[i].column) * channels + c] +=
                    static_cast<T>(taps[i].weight) * pixel[c];
        }
      }
    });
  });
}

}  // namespace cpu
}  // namespace manul
