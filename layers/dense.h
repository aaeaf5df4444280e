#pragma once

#include "manul/layers/layer.h"
#include "manul/ops/fused/dense_loss.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' Dense: x [N, .., in] -> activation(x · kernel + bias) [N, .., units], over the last axis. Weights:
/// kernel [in, units], bias [units].
struct Dense {
  int64_t units = 0;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

class DenseLayer : public Layer {
 public:
  explicit DenseLayer(const Dense& options);
  const Dense& options() const { return options_; }

  std::string class_name() const override { return "Dense"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const override;
  /// The same with `activation` in place of its own, in one pass.
  Tensor call_fused(const Tensor& x, Activation activation) const;
  /// The mean loss of x [N, in] · kernel + bias as logits, and the logits (see ops/fused/dense_loss.h).
  DenseLoss call_with_loss(const Tensor& x, Loss loss, const Tensor& labels) const;

 protected:
  void make_parameters(const std::vector<Shape>& inputs, ParameterSet& parameters) override;
  Config options_config() const override;

 private:
  Dense options_;
  Parameter* kernel_ = nullptr;
  Parameter* bias_ = nullptr;
};

}  // namespace manul
