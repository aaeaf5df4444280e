#pragma once

#include "manul/layers/activations.h"
#include "manul/layers/config/window_options.h"
#include "manul/ops/conv/conv2d.h"

namespace manul {

/// Keras' Conv2D: x [N, H, W, C] -> activation(conv2d(x) + bias) [N, OH, OW, filters]. Weights: kernel
/// [filters, kh, kw, C] (OHWI; HWIO in files), bias [filters].
struct Conv2D {
  static constexpr const char* class_name = "Conv2D";
  static constexpr int input_rank = 3;
  int64_t filters = 0;
  Size2D kernel_size = 1;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  Size2D dilation_rate = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight kernel = {}, bias = {};  // made by build(); no bias without use_bias

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return activate(conv2d(x, kernel, bias, op_options()), activation); }
  Conv2DOptions op_options() const;
};
inline const LayerRegistration<Conv2D> conv2d_registration;

}  // namespace manul
