#include "manul/ops/conv/conv2d.h"

#include "manul/framework/tape.h"

namespace manul {

Tensor conv2d(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2DOptions& options) {
  const Shape& k = kernel.shape();
  check(x.shape().rank() == 4 && k.rank() == 4 && k[3] == x.shape()[3],
        "conv2d: input {} does not fit kernel {} (want [filters, height, width, channels])", x.shape(), k);
  check(!bias.defined() || bias.shape() == Shape{k[0]}, "conv2d: bias {} does not fit kernel {}",
        bias.defined() ? bias.shape() : Shape{}, k);
  check(x.dtype() == kernel.dtype() && (!bias.defined() || bias.dtype() == x.dtype()),
        "conv2d: input is {}, kernel {}, bias {}", name_of(x.dtype()), name_of(kernel.dtype()),
        bias.defined() ? name_of(bias.dtype()) : "none");
  WindowGeometry geometry =
      lay_window("conv2d", x.shape(), {{k[1], k[2]}, options.strides, options.padding, options.dilation});
  Tensor y =
      Tensor::empty({geometry.batch, geometry.output[0], geometry.output[1], k[0]}, x.dtype(), x.device());
  conv2d_forward_kernel(x, kernel, bias, geometry, y);
  if (Tape* tape = Tape::recording({&x, &kernel, &bias})) {
    tape->record("conv2d", y, {x, kernel, bias},
                 [x, kernel, geometry](const Tensor& dy, Gradients& gradients) {
                   if (gradients.needed(0))
                     conv2d_backward_input_kernel(dy, kernel, geometry, gradients.target(0));
                   Tensor dkernel = gradients.needed(1) ? gradients.target(1) : Tensor();
                   Tensor dbias = gradients.needed(2) ? gradients.target(2) : Tensor();
                   if (dkernel.defined() || dbias.defined())
                     conv2d_backward_kernel_kernel(x, dy, geometry, dkernel, dbias);
                 });
  }
  return y;
}

}  // namespace manul
