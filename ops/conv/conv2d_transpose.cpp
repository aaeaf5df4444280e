#include "manul/ops/conv/conv2d_transpose.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

/// The convolution whose input gradient this is: from the outputs back to x.
WindowGeometry lay_back(const char* operation, const Shape& x, const Shape& output, const Shape& kernel,
                        const Conv2DTransposeOptions& options) {
  WindowGeometry geometry = lay_window(
      operation, output, {{kernel[1], kernel[2]}, options.strides, options.padding, options.dilation});
  check(
      geometry.output[0] == x[1] && geometry.output[1] == x[2],
      "{}: an output padding of [{}, {}] makes of {} the output {}, which no convolution with these strides "
      "leads back",
      operation, options.output_padding ? (*options.output_padding)[0] : 0,
      options.output_padding ? (*options.output_padding)[1] : 0, x, output);
  return geometry;
}

}  // namespace

std::array<int64_t, 2> conv2d_transpose_size(const char* operation, const std::array<int64_t, 2>& input,
                                             const std::array<int64_t, 2>& kernel,
                                             const Conv2DTransposeOptions& options) {
  std::array<int64_t, 2> output{};
  for (int axis = 0; axis < 2; ++axis) {
    int64_t stride = options.strides[axis], dilation = options.dilation[axis], size = kernel[axis];
    for (int64_t length : {stride, dilation, size})
      check(length >= 1 && length < longest_side,
            "{}: kernel [{}, {}], strides [{}, {}] and dilation [{}, {}] must be positive", operation,
            kernel[0], kernel[1], options.strides[0], options.strides[1], options.dilation[0],
            options.dilation[1]);
    check(input[axis] >= 1 && input[axis] < longest_side && size * dilation < longest_side,
          "{}: an input of {} x {} with a kernel of {} x {} is out of bounds", operation, input[0], input[1],
          kernel[0], kernel[1]);
    int64_t reach = (size - 1) * dilation + 1;
    bool same = options.padding == Padding::same;
    if (options.output_padding) {
      int64_t pad = same ? reach / 2 : 0;
      output[axis] = (input[axis] - 1) * stride + reach - 2 * pad + (*options.output_padding)[axis];
    } else {
      output[axis] = input[axis] * stride + (same ? 0 : std::max(reach - stride, int64_t{0}));
    }
    check(output[axis] >= 1 && output[axis] <= longest_side,
          "{}: an output of {} rows or columns cannot be made", operation, output[axis]);
  }
  return output;
}

Tensor conv2d_transpose(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                        const Conv2DTransposeOptions& options) {
  const Shape& k = kernel.shape();
  check(x.shape().rank() == 4 && k.rank() == 4 && k[0] == x.shape()[3],
        "conv2d_transpose: input {} does not fit kernel {} (want [channels, height, width, filters])",
        x.shape(), k);
  check(!bias.defined() || bias.shape() == Shape{k[3]}, "conv2d_transpose: bias {} does not fit kernel {}",
        bias.defined() ? bias.shape() : Shape{}, k);
  check(x.dtype() == kernel.dtype() && (!bias.defined() || bias.dtype() == x.dtype()),
        "conv2d_transpose: input is {}, kernel {}, bias {}", name_of(x.dtype()), name_of(kernel.dtype()),
        bias.defined() ? name_of(bias.dtype()) : "none");
  auto [height, width] =
      conv2d_transpose_size("conv2d_transpose", {x.shape()[1], x.shape()[2]}, {k[1], k[2]}, options);
  Shape output{x.shape()[0], height, width, k[3]};
  WindowGeometry geometry = lay_back("conv2d_transpose", x.shape(), output, k, options);
  Tensor y = Tensor::empty(output, x.dtype(), x.device());
  // A GPU has no kernel that adds it in f64.
  const bool adds_bias =
      bias.defined() && y.elements() > 0 && (x.device().is_cpu() || x.dtype() != DType::f64);
  if (adds_bias)
    conv2d_transpose_with_bias_kernel(x, kernel, bias, geometry, y);
  else
    conv2d_backward_input_kernel(x, kernel, geometry, y);
  Tensor added = adds_bias ? bias : Tensor();
  if (Tape* tape = Tape::recording({&x, &kernel, &added}))
    tape->record("conv2d_transpose", y, {x, kernel, added},
                 [x, kernel, geometry](const Tensor& dy, Gradients& gradients) {
                   if (gradients.needed(0))
                     conv2d_forward_kernel(dy, kernel, Tensor(), geometry, gradients.target(0));
                   if (gradients.needed(1))
                     conv2d_backward_kernel_kernel(dy, x, geometry, gradients.target(1), Tensor());
                   if (gradients.needed(2))  // the same sums as of a convolution that has given dy
                     conv2d_backward_kernel_kernel(x, dy, geometry, Tensor(), gradients.target(2));
                 });
  return bias.defined() && !adds_bias ? add(y, bias) : y;
}

}  // namespace manul
