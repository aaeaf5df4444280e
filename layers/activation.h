#pragma once

#include "manul/layers/layer.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' name: "relu".
std::string name_of(Activation activation);
/// The option "activation" of a layer's config; linear where it is absent or null. Throws
/// ErrorKind::model_file naming what is there if it is not the name of a known activation.
Activation read_activation(const Config& config);

/// Keras' Activation: one of the activations by name, on any shape.
struct ActivationLayer {
  Activation activation = Activation::linear;
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

/// Keras' ReLU without its options (max_value, negative_slope, threshold).
struct ReLU {
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

/// Keras' Softmax over the last axis.
struct Softmax {
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

/// All three: they differ in class name and config alone.
class ActivatingLayer : public Layer {
 public:
  ActivatingLayer(std::string class_name, Activation activation, std::string name);
  Activation activation() const { return activation_; }

  std::string class_name() const override { return class_name_; }
  Shape output_shape(const std::vector<Shape>& inputs) const override { return only_input(inputs); }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const override;

 protected:
  Config options_config() const override;

 private:
  std::string class_name_;
  Activation activation_;
};

}  // namespace manul
