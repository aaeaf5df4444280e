#include "manul/layers/convolutional_1d.h"

#include "manul/layers/config/convolution_options.h"
#include "manul/layers/sequence.h"

namespace manul {
namespace {

Padding padding_of(Padding1D padding) {
  return padding == Padding1D::same ? Padding::same : Padding::valid;
}

/// Of a sequence as a row: causal has zeros before it, so that no output looks ahead.
Borders2D borders_of(Padding1D padding, Size1D kernel_size, Size1D dilation_rate) {
  int64_t zeros = padding == Padding1D::causal ? (kernel_size.length - 1) * dilation_rate.length : 0;
  return {0, {zeros, 0}};
}

/// A kernel [filters, k, channels] as [filters, 1, k, channels].
Tensor filters_in_a_row(const Tensor& kernel) {
  const Shape& k = kernel.shape();
  return reshape(kernel, {k[0], 1, k[1], k[2]});
}
/// A depthwise kernel [k, channels, multiplier] as [1, k, channels, multiplier].
Tensor taps_in_a_row(const Tensor& kernel) {
  return reshape(kernel, kernel.shape().batch_of(1));
}

/// The length of what a window makes of samples [L, C].
int64_t length_of(const std::string& name, const Shape& input, Size1D size, Size1D strides, Padding1D padding,
                  Size1D dilation) {
  Window2D window{{1, size.length},
                  {1, strides.length},
                  padding_of(padding),
                  {1, dilation.length},
                  borders_of(padding, size, dilation)};
  return lay_window(name.c_str(), {1, 1, input[0], input[1]}, window).output[1];
}

}  // namespace

void Conv1D::describe(Description& description) {
  describe_convolution(*this, description, {"kernel_size", "filter_length"}, {"strides", "subsample_length"});
}

Shape Conv1D::output_shape(const Shape& input) const {
  check(input[-1] % groups == 0 && filters % groups == 0,
        "{}: {} channels and {} filters cannot be divided into {} groups", name, input[-1], filters, groups);
  return {length_of(name, input, kernel_size, strides, padding, dilation_rate), filters};
}

void Conv1D::build(const Shape& input, Weights& weights) {
  int64_t length = kernel_size.length, channels = input[-1] / groups;
  weights.add_kernel(kernel, "kernel", {filters, length, channels},
                     Initializer::glorot_uniform(length * channels, length * filters));
  if (use_bias) weights.add(bias, "bias", {filters}, Initializer::zeros());
}

Tensor Conv1D::linear(const Tensor& x, const Tensor& by, const Tensor& bias) const {
  Conv2DOptions options{.strides = {1, strides.length},
                        .padding = padding_of(padding),
                        .dilation = {1, dilation_rate.length},
                        .groups = groups,
                        .borders = borders_of(padding, kernel_size, dilation_rate)};
  return as_sequence(conv2d(as_row(x), filters_in_a_row(by), bias, options));
}

void DepthwiseConv1D::describe(Description& description) {
  describe_depthwise_convolution(*this, description);
}

Shape DepthwiseConv1D::output_shape(const Shape& input) const {
  return {length_of(name, input, kernel_size, strides, padding, dilation_rate), input[-1] * depth_multiplier};
}

void DepthwiseConv1D::build(const Shape& input, Weights& weights) {
  int64_t length = kernel_size.length, channels = input[-1];
  weights.add(depthwise_kernel, "depthwise_kernel", {length, channels, depth_multiplier},
              Initializer::glorot_uniform(length * channels, length * depth_multiplier));
  if (use_bias) weights.add(bias, "bias", {channels * depth_multiplier}, Initializer::zeros());
}

Tensor DepthwiseConv1D::linear(const Tensor& x, const Tensor& by, const Tensor& bias) const {
  Tensor y = depthwise_conv2d(as_row(x), taps_in_a_row(by), bias,
                              {{1, strides.length},
                               padding_of(padding),
                               {1, dilation_rate.length},
                               borders_of(padding, kernel_size, dilation_rate)});
  return as_sequence(y);
}

void SeparableConv1D::describe(Description& description) {
  describe_separable_convolution(*this, description);
}

Shape SeparableConv1D::output_shape(const Shape& input) const {
  return {length_of(name, input, kernel_size, strides, padding, dilation_rate), filters};
}

void SeparableConv1D::build(const Shape& input, Weights& weights) {
  int64_t length = kernel_size.length, channels = input[-1], between = channels * depth_multiplier;
  weights.add(depthwise_kernel, "depthwise_kernel", {length, channels, depth_multiplier},
              Initializer::glorot_uniform(length * channels, length * depth_multiplier));
  weights.add_kernel(pointwise_kernel, "pointwise_kernel", {filters, 1, between},
                     Initializer::glorot_uniform(between, filters));
  if (use_bias) weights.add(bias, "bias", {filters}, Initializer::zeros());
}

Tensor SeparableConv1D::linear(const Tensor& x, const Tensor& by, const Tensor& bias) const {
  Tensor between = depthwise_conv2d(as_row(x), taps_in_a_row(depthwise_kernel), Tensor(),
                                    {{1, strides.length},
                                     padding_of(padding),
                                     {1, dilation_rate.length},
                                     borders_of(padding, kernel_size, dilation_rate)});
  return as_sequence(conv2d(between, filters_in_a_row(by), bias));
}

void Conv1DTranspose::describe(Description& description) {
  describe_transposed_convolution(*this, description);
}

Conv2DTransposeOptions Conv1DTranspose::op_options() const {
  Conv2DTransposeOptions options{.strides = {1, strides.length},
                                 .padding = padding,
                                 .output_padding = {},
                                 .dilation = {1, dilation_rate.length}};
  if (output_padding) options.output_padding = {0, output_padding->length};
  return options;
}

Shape Conv1DTranspose::output_shape(const Shape& input) const {
  std::array<int64_t, 2> size =
      conv2d_transpose_size(name.c_str(), {1, input[0]}, {1, kernel_size.length}, op_options());
  return {size[1], filters};
}

void Conv1DTranspose::build(const Shape& input, Weights& weights) {
  int64_t length = kernel_size.length, channels = input[-1];
  weights.add_kernel(kernel, "kernel", {channels, length, filters},
                     Initializer::glorot_uniform(length * filters, length * channels));
  if (use_bias) weights.add(bias, "bias", {filters}, Initializer::zeros());
}

Tensor Conv1DTranspose::linear(const Tensor& x, const Tensor& by, const Tensor& bias) const {
  return as_sequence(conv2d_transpose(as_row(x), filters_in_a_row(by), bias, op_options()));
}

template class LayerOf<Conv1D>;
template class LayerOf<DepthwiseConv1D>;
template class LayerOf<SeparableConv1D>;
template class LayerOf<Conv1DTranspose>;

}  // namespace manul
