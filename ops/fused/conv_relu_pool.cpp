#include "manul/ops/fused/conv_relu_pool.h"

#include "manul/framework/tape.h"
#include "manul/ops/fused/conv2d_activation.h"
#include "manul/ops/geometry/pad2d.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

/// Beyond this the gather through the winner costs more than the products it saves.
constexpr int64_t most_channels = 8;

/// The shape of x with the borders around it.
Shape padded_shape(const Shape& x, const Borders2D& borders) {
  const auto& [rows, columns] = borders;
  return {x[0], x[1] + rows.before + rows.behind, x[2] + columns.before + columns.behind, x[3]};
}

}  // namespace

bool conv_relu_pool_fits(const Shape& x, const Shape& kernel, const Conv2DOptions& conv,
                         const Pool2DOptions& pool) {
  constexpr std::array<int64_t, 2> one{1, 1}, two{2, 2};
  Window2D window = pool_window(pool);
  if (window.size != two || window.strides != two || window.padding != Padding::valid) return false;
  if (conv.padding != Padding::valid || conv.dilation != one || conv.borders != Borders2D(0)) return false;
  if (x.rank() != 4 || kernel.rank() != 4 || x[3] != kernel[3] || x[3] > most_channels) return false;
  for (int axis = 0; axis < 2; ++axis)  // at least one pooled row and column
    if (conv.strides[axis] < 1 || conv.strides[axis] > x[axis + 1] - kernel[axis + 1]) return false;
  return true;
}

Tensor conv_relu_pool(const Tensor& x, const Tensor& kernel, const Tensor& bias, const Conv2DOptions& conv,
                      const Pool2DOptions& pool) {
  if (!conv_relu_pool_fits(x.shape(), kernel.shape(), conv, pool)) {
    Conv2DOptions inside = conv;
    inside.borders = 0;
    // The few channels that the fused op takes are cheap to copy with their borders.
    if (conv.borders != inside.borders && x.shape().rank() == 4 &&
        conv_relu_pool_fits(padded_shape(x.shape(), conv.borders), kernel.shape(), inside, pool))
      return conv_relu_pool(zero_pad2d(x, conv.borders.rows, conv.borders.columns), kernel, bias, inside,
                            pool);
    return max_pool2d(conv2d_activation(x, kernel, bias, conv, {.activation = Activation::relu}), pool);
  }
  const Shape& k = kernel.shape();
  check(!bias.defined() || bias.shape() == Shape{k[0]}, "conv_relu_pool: bias {} does not fit kernel {}",
        bias.defined() ? bias.shape() : Shape{}, k);
  check(x.dtype() == kernel.dtype() && (!bias.defined() || bias.dtype() == x.dtype()),
        "conv_relu_pool: input is {}, kernel {}, bias {}", name_of(x.dtype()), name_of(kernel.dtype()),
        bias.defined() ? name_of(bias.dtype()) : "none");
  WindowGeometry geometry =
      lay_window("conv_relu_pool", x.shape(), {{k[1], k[2]}, conv.strides, conv.padding, conv.dilation});
  Shape pooled_shape{geometry.batch, geometry.output[0] / 2, geometry.output[1] / 2, k[0]};
  Tensor pooled = Tensor::empty(pooled_shape, x.dtype(), x.device());
  Tensor winner = Tensor::empty(pooled_shape, DType::u8, x.device());
  conv_relu_pool_forward_kernel(x, kernel, bias, geometry, pooled, winner);
  if (Tape* tape = Tape::recording({&x, &kernel, &bias})) {
    tape->record("conv_relu_pool", pooled, {x, kernel, bias},
                 [x, kernel, geometry, winner](const Tensor& dpooled, Gradients& gradients) {
                   if (gradients.needed(0))
                     conv_relu_pool_backward_input_kernel(winner, dpooled, kernel, geometry,
                                                          gradients.target(0));
                   Tensor dkernel = gradients.needed(1) ? gradients.target(1) : Tensor();
                   Tensor dbias = gradients.needed(2) ? gradients.target(2) : Tensor();
                   if (dkernel.defined() || dbias.defined())
                     conv_relu_pool_backward_kernel(x, winner, dpooled, geometry, dkernel, dbias);
                 });
  }
  return pooled;
}

}  // namespace manul
