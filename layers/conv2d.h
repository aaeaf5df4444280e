#pragma once

#include "manul/layers/layer.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Conv2D: x [N, H, W, C] -> activation(conv2d(x) + bias) [N, OH, OW, filters]. Weights: kernel
/// [filters, kh, kw, C] (OHWI; HWIO in files), bias [filters].
struct Conv2D {
  int64_t filters = 0;
  Size2D kernel_size = 1;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  Size2D dilation_rate = 1;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

class Conv2DLayer : public Layer {
 public:
  explicit Conv2DLayer(const Conv2D& options);
  const Conv2D& options() const { return options_; }
  Conv2DOptions op_options() const;
  const Tensor& kernel() const { return kernel_->value; }
  /// Undefined without bias.
  Tensor bias() const { return bias_ ? bias_->value : Tensor(); }

  std::string class_name() const override { return "Conv2D"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const override;

 protected:
  void make_parameters(const std::vector<Shape>& inputs, ParameterSet& parameters) override;
  Config options_config() const override;

 private:
  Conv2D options_;
  Parameter* kernel_ = nullptr;
  Parameter* bias_ = nullptr;
};

}  // namespace manul
