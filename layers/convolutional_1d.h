#pragma once

#include "manul/layers/convolutional.h"

namespace manul {

/// Keras' Conv1D: x [N, L, C] -> activation(convolution along L + bias) [N, OL, filters]. Weights: kernel
/// [filters, k, C / groups] (k, C / groups, filters in files), bias [filters].
struct Conv1D {
  static constexpr const char* class_name = "Conv1D";
  static constexpr int input_rank = 2;
  int64_t filters = 0;
  Size1D kernel_size = 1;
  Size1D strides = 1;
  Padding1D padding = Padding1D::valid;
  Size1D dilation_rate = 1;
  int64_t groups = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight kernel = {}, bias = {};  // made by build(); no bias without use_bias

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return activate(linear(x, kernel, bias), activation); }
  /// The convolution alone, with these weights.
  Tensor linear(const Tensor& x, const Tensor& by, const Tensor& bias) const;
};
inline const LayerRegistration<Conv1D> conv1d_registration;
extern template class LayerOf<Conv1D>;

/// Keras' DepthwiseConv1D: x [N, L, C] -> [N, OL, C * depth_multiplier]. Weights: depthwise_kernel [k, C,
/// depth_multiplier], bias [C * depth_multiplier].
struct DepthwiseConv1D {
  static constexpr const char* class_name = "DepthwiseConv1D";
  static constexpr int input_rank = 2;
  Size1D kernel_size = 1;
  Size1D strides = 1;
  Padding1D padding = Padding1D::valid;
  int64_t depth_multiplier = 1;
  Size1D dilation_rate = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight depthwise_kernel = {}, bias = {};  // made by build(); no bias without use_bias

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return activate(linear(x, depthwise_kernel, bias), activation); }
  /// The convolution alone, with these weights.
  Tensor linear(const Tensor& x, const Tensor& by, const Tensor& bias) const;
};
inline const LayerRegistration<DepthwiseConv1D> depthwise_conv1d_registration;
extern template class LayerOf<DepthwiseConv1D>;

/// Keras' SeparableConv1D: a depthwise convolution without bias, then one of length 1 over all channels, x
/// [N, L, C] -> [N, OL, filters]. Weights: depthwise_kernel [k, C, depth_multiplier], pointwise_kernel
/// [filters, 1, C * depth_multiplier], bias [filters].
struct SeparableConv1D {
  static constexpr const char* class_name = "SeparableConv1D";
  static constexpr int input_rank = 2;
  int64_t filters = 0;
  Size1D kernel_size = 1;
  Size1D strides = 1;
  Padding1D padding = Padding1D::valid;
  Size1D dilation_rate = 1;
  int64_t depth_multiplier = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight depthwise_kernel = {}, pointwise_kernel = {}, bias = {};  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return activate(linear(x, pointwise_kernel, bias), activation); }
  /// The convolution alone, with these weights.
  Tensor linear(const Tensor& x, const Tensor& by, const Tensor& bias) const;
};
inline const LayerRegistration<SeparableConv1D> separable_conv1d_registration;
extern template class LayerOf<SeparableConv1D>;

/// Keras' Conv1DTranspose: x [N, L, C] -> [N, OL, filters]; lengths as of Conv2DTranspose. Weights: kernel
/// [C, k, filters] (k, filters, C in files), bias [filters].
struct Conv1DTranspose {
  static constexpr const char* class_name = "Conv1DTranspose";
  static constexpr int input_rank = 2;
  int64_t filters = 0;
  Size1D kernel_size = 1;
  Size1D strides = 1;
  Padding padding = Padding::valid;
  std::optional<Size1D> output_padding = {};
  Size1D dilation_rate = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight kernel = {}, bias = {};  // made by build(); no bias without use_bias

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return activate(linear(x, kernel, bias), activation); }
  /// The convolution alone, with these weights.
  Tensor linear(const Tensor& x, const Tensor& by, const Tensor& bias) const;
  Conv2DTransposeOptions op_options() const;
};
inline const LayerRegistration<Conv1DTranspose> conv1d_transpose_registration;
extern template class LayerOf<Conv1DTranspose>;

}  // namespace manul
