#include "manul/ops/conv/conv2d_concatenated.h"

#include <algorithm>

#include "manul/framework/tape.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

/// The shape of the parts side by side, if they are pictures of f32 on the CPU that differ in their channels
/// alone; else of rank 0. A tensor that is there twice would get its gradient from two sides at once.
Shape side_by_side(const std::vector<Tensor>& parts) {
  int64_t channels = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Shape &shape = parts[i].shape(), &first = parts[0].shape();
    bool fits = parts[i].device().is_cpu() && parts[i].dtype() == DType::f32 && shape.rank() == 4 &&
                first.rank() == 4 && shape[0] == first[0] && shape[1] == first[1] && shape[2] == first[2];
    for (size_t k = 0; k < i; ++k) fits = fits && parts[k].raw_data() != parts[i].raw_data();
    if (!fits) return {};
    channels += shape[3];
  }
  return parts.empty() ? Shape()
                       : Shape{parts[0].shape()[0], parts[0].shape()[1], parts[0].shape()[2], channels};
}

}  // namespace

Tensor conv2d_of_concatenated(const std::vector<Tensor>& parts, const Tensor& kernel, const Tensor& bias,
                              const Conv2DOptions& options) {
  const Shape whole = side_by_side(parts);
  const bool fits = whole.rank() == 4 && kernel.shape().rank() == 4 && options.groups == 1;
  if (!fits) return conv2d(concat(parts, -1), kernel, bias, options);
  const WindowGeometry geometry = check_conv2d(whole, DType::f32, kernel, bias, options);
  const int64_t filters = kernel.shape()[0];
  if (!cpu::takes_concatenated(parts, geometry, filters))
    return conv2d(concat(parts, -1), kernel, bias, options);
  Tensor y = Tensor::empty({geometry.batch, geometry.output[0], geometry.output[1], filters}, DType::f32);
  cpu::conv2d_concatenated_forward(parts, kernel, bias, geometry, y);
  std::vector<Tensor> inputs = parts;
  inputs.insert(inputs.end(), {kernel, bias});
  if (Tape* tape = Tape::recording(inputs))
    tape->record("conv2d", y, inputs, [parts, kernel, geometry](const Tensor& dy, Gradients& gradients) {
      const int count = static_cast<int>(parts.size());
      std::vector<cpu::ChannelGradient> dx;
      bool any = false;
      for (int i = 0; i < count; ++i) {
        const Tensor sum = gradients.needed(i) ? gradients.sum(i) : Tensor();
        const Tensor to = sum.defined() || !gradients.needed(i) ? sum : gradients.target(i);
        dx.push_back({to, parts[i].shape()[3], sum.defined()});
        any = any || to.defined();
      }
      if (any) cpu::conv2d_concatenated_backward_input(dy, kernel, geometry, dx);
      const Tensor dkernel = gradients.needed(count) ? gradients.target(count) : Tensor();
      const Tensor dbias = gradients.needed(count + 1) ? gradients.target(count + 1) : Tensor();
      if (dkernel.defined() || dbias.defined())
        cpu::conv2d_concatenated_backward_kernel(parts, dy, geometry, dkernel, dbias);
    });
  return y;
}

}  // namespace manul
