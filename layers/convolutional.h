#pragma once

#include "manul/layers/activations.h"
#include "manul/layers/config/window_options.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/conv2d_concatenated.h"
#include "manul/ops/conv/conv2d_transpose.h"
#include "manul/ops/conv/depthwise_conv2d.h"

namespace manul {

/// Keras' Conv2D: x [N, H, W, C] -> activation(conv2d(x) + bias) [N, OH, OW, filters]. Weights: kernel
/// [filters, kh, kw, C / groups] (OHWI; HWIO in files), bias [filters].
struct Conv2D {
  static constexpr const char* class_name = "Conv2D";
  static constexpr int input_rank = 3;
  int64_t filters = 0;
  Size2D kernel_size = 1;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  Size2D dilation_rate = 1;
  int64_t groups = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight kernel = {}, bias = {};  // made by build(); no bias without use_bias

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return call_padded(x, 0); }
  /// call() of x with zeros around it, which are not stored.
  Tensor call_padded(const Tensor& x, const Borders2D& borders) const;
  /// call() of these side by side, channels after channels.
  Tensor call_concatenated(const std::vector<Tensor>& parts) const {
    return activate(conv2d_of_concatenated(parts, kernel, bias, op_options()), activation);
  }
  Conv2DOptions op_options(const Borders2D& borders = 0) const;
};
inline const LayerRegistration<Conv2D> conv2d_registration;
extern template class LayerOf<Conv2D>;

/// Keras' DepthwiseConv2D: every channel by depth_multiplier kernels of its own, x [N, H, W, C] -> [N, OH,
/// OW, C * depth_multiplier]. Weights: depthwise_kernel [kh, kw, C, depth_multiplier], bias [C *
/// depth_multiplier].
struct DepthwiseConv2D {
  static constexpr const char* class_name = "DepthwiseConv2D";
  static constexpr int input_rank = 3;
  Size2D kernel_size = 1;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  int64_t depth_multiplier = 1;
  Size2D dilation_rate = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight depthwise_kernel = {}, bias = {};  // made by build(); no bias without use_bias

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return call_padded(x, 0); }
  /// call() of x with zeros around it, which are not stored.
  Tensor call_padded(const Tensor& x, const Borders2D& borders) const {
    return activate(depthwise_conv2d(x, depthwise_kernel, bias, op_options(borders)), activation);
  }
  DepthwiseConv2DOptions op_options(const Borders2D& borders = 0) const;
};
inline const LayerRegistration<DepthwiseConv2D> depthwise_conv2d_registration;
extern template class LayerOf<DepthwiseConv2D>;

/// Keras' SeparableConv2D: a depthwise convolution without bias, then one of 1x1 over all channels, x [N, H,
/// W, C] -> [N, OH, OW, filters]. Weights: depthwise_kernel [kh, kw, C, depth_multiplier], pointwise_kernel
/// [filters, 1, 1, C * depth_multiplier], bias [filters].
struct SeparableConv2D {
  static constexpr const char* class_name = "SeparableConv2D";
  static constexpr int input_rank = 3;
  int64_t filters = 0;
  Size2D kernel_size = 1;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  Size2D dilation_rate = 1;
  int64_t depth_multiplier = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight depthwise_kernel = {}, pointwise_kernel = {}, bias = {};  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return call_padded(x, 0); }
  /// call() of x with zeros around it, which are not stored.
  Tensor call_padded(const Tensor& x, const Borders2D& borders) const {
    return activate(conv2d(between(x, borders), pointwise_kernel, bias), activation);
  }
  /// What the depthwise convolution gives.
  Tensor between(const Tensor& x, const Borders2D& borders) const;
};
inline const LayerRegistration<SeparableConv2D> separable_conv2d_registration;
extern template class LayerOf<SeparableConv2D>;

/// Keras' Conv2DTranspose: x [N, H, W, C] -> activation(conv2d_transpose(x) + bias) [N, OH, OW, filters]; see
/// ops/conv/conv2d_transpose.h for the lengths. Weights: kernel [C, kh, kw, filters] (kh, kw, filters, C in
/// files), bias [filters].
struct Conv2DTranspose {
  static constexpr const char* class_name = "Conv2DTranspose";
  static constexpr int input_rank = 3;
  int64_t filters = 0;
  Size2D kernel_size = 1;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  std::optional<Size2D> output_padding = {};
  Size2D dilation_rate = 1;
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
  Tensor linear(const Tensor& x, const Tensor& by, const Tensor& bias) const {
    return conv2d_transpose(x, by, bias, op_options());
  }
  Conv2DTransposeOptions op_options() const;
};
inline const LayerRegistration<Conv2DTranspose> conv2d_transpose_registration;
extern template class LayerOf<Conv2DTranspose>;

}  // namespace manul
