#include "manul/ops/conv/conv2d.h"

#include "manul/framework/tape.h"
#include "manul/ops/conv/depthwise_conv2d.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

void check_operands(const Shape& x, DType dtype, const Tensor& kernel, const Tensor& bias, int64_t groups) {
  const Shape& k = kernel.shape();
  check(groups >= 1, "conv2d: {} groups; it must be at least 1", groups);
  bool four_axes = x.rank() == 4 && k.rank() == 4;
  if (groups == 1)
    check(four_axes && k[3] == x[3],
          "conv2d: input {} does not fit kernel {} (want [filters, height, width, channels])", x, k);
  check(four_axes && x[3] % groups == 0 && k[3] == x[3] / groups && k[0] % groups == 0,
        "conv2d: input {} does not fit kernel {} in {} groups (want [filters, height, width, channels / "
        "groups], channels and filters in equal parts)",
        x, k, groups);
  check(!bias.defined() || bias.shape() == Shape{k[0]}, "conv2d: bias {} does not fit kernel {}",
        bias.defined() ? bias.shape() : Shape{}, k);
  check(dtype == kernel.dtype() && (!bias.defined() || bias.dtype() == dtype),
        "conv2d: input is {}, kernel {}, bias {}", name_of(dtype), name_of(kernel.dtype()),
        bias.defined() ? name_of(bias.dtype()) : "none");
}

/// A group for each channel: the same with a kernel [kh, kw, C, multiplier].
Tensor as_depthwise(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2DOptions& options) {
  const Shape& k = kernel.shape();
  Tensor by_taps = transpose(reshape(kernel, {k[0], k[1] * k[2]}));
  int64_t channels = x.shape()[3];
  return depthwise_conv2d(x, reshape(by_taps, {k[1], k[2], channels, k[0] / channels}), bias,
                          {options.strides, options.padding, options.dilation, options.borders});
}

/// Whether windows of many taps lie side by side and cover the picture, as a vision transformer's patches. A
/// GPU then has what one product takes: a row a window.
bool is_of_patches(const Tensor& x, const WindowGeometry& geometry) {
  constexpr int64_t least_taps = 16;
  for (int axis = 0; axis < 2; ++axis) {
    bool fits = geometry.strides[axis] == geometry.size[axis] && geometry.pad_before[axis] == 0 &&
                geometry.dilation[axis] == 1 &&
                geometry.output[axis] * geometry.size[axis] == geometry.input[axis];
    if (!fits) return false;
  }
  return !x.device().is_cpu() && geometry.groups == 1 && x.elements() > 0 &&
         geometry.size[0] * geometry.size[1] >= least_taps;
}

Tensor conv2d_of_patches(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                         const WindowGeometry& geometry) {
  auto [rows, columns] = geometry.output;
  int64_t height = geometry.size[0], row = geometry.size[1] * geometry.channels, filters = kernel.shape()[0];
  Tensor patches = transpose(reshape(x, {geometry.batch, rows, height, columns, row}), {0, 1, 3, 2, 4});
  Tensor y = dense(reshape(patches, {geometry.batch * rows * columns, height * row}),
                   transpose(reshape(kernel, {filters, height * row})), bias);
  return reshape(y, {geometry.batch, rows, columns, filters});
}

}  // namespace

WindowGeometry check_conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const Conv2DOptions& options) {
  return check_conv2d(x.shape(), x.dtype(), kernel, bias, options);
}

WindowGeometry check_conv2d(const Shape& x, DType dtype, const Tensor& kernel, const Tensor& bias,
                            const Conv2DOptions& options) {
  const Shape& k = kernel.shape();
  check_operands(x, dtype, kernel, bias, options.groups);
  WindowGeometry geometry = lay_window(
      "conv2d", x, {{k[1], k[2]}, options.strides, options.padding, options.dilation, options.borders});
  geometry.groups = options.groups;
  return geometry;
}

Tensor conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2DOptions& options) {
  WindowGeometry geometry = check_conv2d(x, kernel, bias, options);
  if (options.groups > 1 && options.groups == x.shape()[3]) return as_depthwise(x, kernel, bias, options);
  if (is_of_patches(x, geometry)) return conv2d_of_patches(x, kernel, bias, geometry);
  Tensor y = Tensor::empty({geometry.batch, geometry.output[0], geometry.output[1], kernel.shape()[0]},
                           x.dtype(), x.device());
  conv2d_forward_kernel(x, kernel, bias, geometry, y);
  if (Tape* tape = Tape::recording({&x, &kernel, &bias})) {
    tape->record("conv2d", y, {x, kernel, bias},
                 [x, kernel, geometry](const Tensor& dy, Gradients& gradients) {
                   conv2d_gradients(x, kernel, geometry, dy, gradients);
                 });
  }
  return y;
}

void conv2d_gradients(const Tensor& x, const Tensor& kernel, const WindowGeometry& geometry, const Tensor& dy,
                      Gradients& gradients) {
  Tensor sum = gradients.needed(0) ? gradients.sum(0) : Tensor();
  if (sum.defined())
    conv2d_add_backward_input_kernel(dy, kernel, geometry, sum);
  else if (gradients.needed(0))
    conv2d_backward_input_kernel(dy, kernel, geometry, gradients.target(0));
  Tensor dkernel = gradients.needed(1) ? gradients.target(1) : Tensor();
  Tensor dbias = gradients.needed(2) ? gradients.target(2) : Tensor();
  if (dkernel.defined() || dbias.defined()) conv2d_backward_kernel_kernel(x, dy, geometry, dkernel, dbias);
}

}  // namespace manul
