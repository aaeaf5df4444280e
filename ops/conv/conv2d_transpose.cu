#include "manul/ops/conv/conv2d_transpose.h"

#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/conv/add_bias_cuda.h"
#include "manul/ops/conv/conv2d.h"

namespace manul::cuda {
namespace {

/// A bias [filters] as often as a row of windows has columns.
template <class S>
struct RepeatBias {
  const S* bias;
  int64_t filters;
  S* to;
  __device__ void operator()(int64_t i) const { to[i] = bias[i % filters]; }
};

/// A row of x gives each row of a window one row of y, [width * columns, filters] in one piece: a product of
/// the pixels with one row of the kernel's windows.
template <class S>
bool by_rows_of_windows(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                        const Tensor& y) {
  // Of fewer columns cuBLAS' tiles would be empty for the most part.
  constexpr int64_t least_width = 64;
  int64_t width = g.output[1], channels = x.shape()[3], columns = g.size[1] * g.channels;
  bool fits = g.size == g.strides && g.groups == 1 && width >= least_width &&
              g.dilation == std::array<int64_t, 2>{1, 1} && g.pad_before == std::array<int64_t, 2>{0, 0} &&
              g.output[0] * g.size[0] == g.input[0] && width * g.size[1] == g.input[1];
  if (!fits) return false;
  Tensor repeated = Tensor::empty({columns}, bias.dtype(), bias.device());
  for_each(context_of(x), columns, RepeatBias<S>{bias.data<S>(), g.channels, repeated.mutable_data<S>()});
  BlasProduct product{g.batch * g.output[0],
                      width,
                      columns,
                      channels,
                      false,
                      false,
                      x.dtype(),
                      {width * channels, channels},
                      {0, g.size[0] * columns},
                      {g.size[0] * width * columns, columns}};
  const S *pixels = x.data<S>(), *weights = kernel.data<S>();
  S* to = y.mutable_data<S>();
  for (int64_t row = 0; row < g.size[0]; ++row) {
    if (blas_product(product, pixels, weights + row * columns, to + row * width * columns, x.device(),
                     repeated.raw_data()))
      continue;
    if (row > 0) fail(ErrorKind::device, "cuda: cuBLAS has no algorithm for the last rows of a convolution");
    return false;
  }
  return true;
}

}  // namespace

void conv2d_transpose_with_bias(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                const WindowGeometry& g, const Tensor& y) {
  bool is_done = x.dtype() == DType::bf16 ? by_rows_of_windows<bfloat16>(x, kernel, bias, g, y)
                                          : by_rows_of_windows<float>(x, kernel, bias, g, y);
  if (is_done) return;
  conv2d_backward_input(x, kernel, g, y);
  add_bias(bias, y);
}

}  // namespace manul::cuda
