#include "manul/ops/conv/depthwise_conv2d.h"

#include "manul/framework/tape.h"
#include "manul/ops/fused/conv2d_activation.h"

namespace manul {

WindowGeometry check_depthwise_conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                      const DepthwiseConv2DOptions& options) {
  const Shape& k = kernel.shape();
  check(x.shape().rank() == 4 && k.rank() == 4 && k[2] == x.shape()[3] && k[3] >= 1,
        "depthwise_conv2d: input {} does not fit kernel {} (want [height, width, channels, multiplier])",
        x.shape(), k);
  int64_t filters = k[2] * k[3];
  check(!bias.defined() || bias.shape() == Shape{filters},
        "depthwise_conv2d: bias {} does not fit kernel {} (want {})", bias.defined() ? bias.shape() : Shape{},
        k, Shape{filters});
  check(x.dtype() == kernel.dtype() && (!bias.defined() || bias.dtype() == x.dtype()),
        "depthwise_conv2d: input is {}, kernel {}, bias {}", name_of(x.dtype()), name_of(kernel.dtype()),
        bias.defined() ? name_of(bias.dtype()) : "none");
  WindowGeometry geometry =
      lay_window("depthwise_conv2d", x.shape(),
                 {{k[0], k[1]}, options.strides, options.padding, options.dilation, options.borders});
  geometry.groups = geometry.channels;
  return geometry;
}

Tensor depthwise_conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                        const DepthwiseConv2DOptions& options) {
  WindowGeometry geometry = check_depthwise_conv2d(x, kernel, bias, options);
  int64_t filters = kernel.shape()[2] * kernel.shape()[3];
  Tensor y =
      Tensor::empty({geometry.batch, geometry.output[0], geometry.output[1], filters}, x.dtype(), x.device());
  depthwise_conv2d_forward_kernel(x, kernel, bias, geometry, y);
  if (Tape* tape = Tape::recording({&x, &kernel, &bias})) {
    tape->record("depthwise_conv2d", y, {x, kernel, bias},
                 [x, kernel, geometry](const Tensor& dy, Gradients& gradients) {
                   if (gradients.needed(0))
                     depthwise_conv2d_backward_input_kernel(dy, kernel, geometry, gradients.target(0));
                   Tensor dkernel = gradients.needed(1) ? gradients.target(1) : Tensor();
                   Tensor dbias = gradients.needed(2) ? gradients.target(2) : Tensor();
                   if (dkernel.defined() || dbias.defined())
                     depthwise_conv2d_backward_kernel_kernel(x, dy, geometry, dkernel, dbias);
                 });
  }
  return y;
}

}  // namespace manul
