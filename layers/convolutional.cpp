#include "manul/layers/convolutional.h"

#include "manul/layers/config/convolution_options.h"
#include "manul/ops/fused/conv2d_activation.h"

namespace manul {
namespace {

/// What a layer's window makes of samples [H, W, C].
template <class Layer>
Shape output_of(const Layer& layer, const Shape& input, int64_t filters) {
  Window2D window{lengths_of(layer.kernel_size), lengths_of(layer.strides), layer.padding,
                  lengths_of(layer.dilation_rate)};
  WindowGeometry geometry = lay_window(layer.name.c_str(), input.batch_of(1), window);
  return {geometry.output[0], geometry.output[1], filters};
}

/// Keras' fans of a kernel [kh, kw, C, multiplier].
Initializer depthwise_initializer(const Shape& kernel) {
  int64_t area = kernel[0] * kernel[1];
  return Initializer::glorot_uniform(area * kernel[2], area * kernel[3]);
}

}  // namespace

void Conv2D::describe(Description& description) {
  describe_convolution(*this, description, "kernel_size", {"strides", "subsample"});
}

Conv2DOptions Conv2D::op_options(const Borders2D& borders) const {
  return {.strides = lengths_of(strides),
          .padding = padding,
          .dilation = lengths_of(dilation_rate),
          .groups = groups,
          .borders = borders};
}

Tensor Conv2D::call_padded(const Tensor& x, const Borders2D& borders) const {
  // On a GPU the fused kernels serve predictions, where the plan asks for them.
  if (x.device().is_cpu() && is_elementwise(activation))
    return conv2d_activation(x, kernel, bias, op_options(borders), {.activation = activation});
  return activate(conv2d(x, kernel, bias, op_options(borders)), activation);
}

Shape Conv2D::output_shape(const Shape& input) const {
  check(input[-1] % groups == 0 && filters % groups == 0,
        "{}: {} channels and {} filters cannot be divided into {} groups", name, input[-1], filters, groups);
  return output_of(*this, input, filters);
}

void Conv2D::build(const Shape& input, Weights& weights) {
  int64_t area = kernel_size.height * kernel_size.width, channels = input[-1] / groups;
  weights.add_kernel(kernel, "kernel", {filters, kernel_size.height, kernel_size.width, channels},
                     Initializer::glorot_uniform(area * channels, area * filters));
  if (use_bias) weights.add(bias, "bias", {filters}, Initializer::zeros());
}

void DepthwiseConv2D::describe(Description& description) {
  describe_depthwise_convolution(*this, description);
}

Shape DepthwiseConv2D::output_shape(const Shape& input) const {
  return output_of(*this, input, input[-1] * depth_multiplier);
}

void DepthwiseConv2D::build(const Shape& input, Weights& weights) {
  Shape shape{kernel_size.height, kernel_size.width, input[-1], depth_multiplier};
  weights.add(depthwise_kernel, "depthwise_kernel", shape, depthwise_initializer(shape));
  if (use_bias) weights.add(bias, "bias", {input[-1] * depth_multiplier}, Initializer::zeros());
}

DepthwiseConv2DOptions DepthwiseConv2D::op_options(const Borders2D& borders) const {
  return {lengths_of(strides), padding, lengths_of(dilation_rate), borders};
}

void SeparableConv2D::describe(Description& description) {
  describe_separable_convolution(*this, description);
}

Shape SeparableConv2D::output_shape(const Shape& input) const {
  return output_of(*this, input, filters);
}

void SeparableConv2D::build(const Shape& input, Weights& weights) {
  int64_t between = input[-1] * depth_multiplier;
  Shape shape{kernel_size.height, kernel_size.width, input[-1], depth_multiplier};
  weights.add(depthwise_kernel, "depthwise_kernel", shape, depthwise_initializer(shape));
  weights.add_kernel(pointwise_kernel, "pointwise_kernel", {filters, 1, 1, between},
                     Initializer::glorot_uniform(between, filters));
  if (use_bias) weights.add(bias, "bias", {filters}, Initializer::zeros());
}

Tensor SeparableConv2D::between(const Tensor& x, const Borders2D& borders) const {
  return depthwise_conv2d(x, depthwise_kernel, Tensor(),
                          {lengths_of(strides), padding, lengths_of(dilation_rate), borders});
}

void Conv2DTranspose::describe(Description& description) {
  describe_transposed_convolution(*this, description);
}

Conv2DTransposeOptions Conv2DTranspose::op_options() const {
  Conv2DTransposeOptions options{.strides = lengths_of(strides),
                                 .padding = padding,
                                 .output_padding = {},
                                 .dilation = lengths_of(dilation_rate)};
  if (output_padding) options.output_padding = lengths_of(*output_padding);
  return options;
}

Shape Conv2DTranspose::output_shape(const Shape& input) const {
  auto [height, width] =
      conv2d_transpose_size(name.c_str(), {input[0], input[1]}, lengths_of(kernel_size), op_options());
  return {height, width, filters};
}

void Conv2DTranspose::build(const Shape& input, Weights& weights) {
  int64_t area = kernel_size.height * kernel_size.width, channels = input[-1];
  // Keras takes the fans of the kernel as it lies in files: [kh, kw, filters, channels].
  weights.add_kernel(kernel, "kernel", {channels, kernel_size.height, kernel_size.width, filters},
                     Initializer::glorot_uniform(area * filters, area * channels));
  if (use_bias) weights.add(bias, "bias", {filters}, Initializer::zeros());
}

template class LayerOf<Conv2D>;
template class LayerOf<DepthwiseConv2D>;
template class LayerOf<SeparableConv2D>;
template class LayerOf<Conv2DTranspose>;

}  // namespace manul
