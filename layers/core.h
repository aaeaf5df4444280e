#pragma once

#include "manul/layers/activations.h"
#include "manul/ops/fused/dense_loss.h"

namespace manul {

/// Keras' InputLayer: where a batch of samples of this shape enters the graph. Made by Graph::input(); files
/// write and read it with the network.
struct InputLayer {
  static constexpr const char* class_name = "InputLayer";
  static constexpr bool registered = false;
  Shape shape;
  std::string name = {};

  void describe(Description& /*description*/) {}
  std::vector<Shape> output_shapes(const std::vector<Shape>& /*inputs*/) const { return {shape}; }
  Tensor call(const Tensor& x) const { return x; }
};

/// Keras' Identity: x as it is.
struct IdentityLayer {
  static constexpr const char* class_name = "Identity";
  static constexpr bool supports_masking = true;
  static constexpr bool identity_in_inference = true;
  std::string name = {};

  void describe(Description& /*description*/) {}
  Tensor call(const Tensor& x) const { return x; }
};
inline const LayerRegistration<IdentityLayer> identity_registration;
extern template class LayerOf<IdentityLayer>;

/// Keras' Dense: x [N, .., in] -> activation(x · kernel + bias) [N, .., units], over the last axis. Weights:
/// kernel [in, units], bias [units].
struct Dense {
  static constexpr const char* class_name = "Dense";
  static constexpr bool supports_masking = true;
  int64_t units = 0;
  Activation activation = Activation::linear;
  bool use_bias = true;
  std::string name = {};
  bool trainable = true;
  Weight kernel = {}, bias = {};  // made by build(); no bias without use_bias

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return activate(call_fused(x, Activation::linear), activation); }
  /// The same with `activation` in place of its own, in one pass.
  Tensor call_fused(const Tensor& x, Activation activation) const;
  /// x · by + bias.
  Tensor linear(const Tensor& x, const Tensor& by, const Tensor& bias) const;
  /// The mean loss of x [N, in] · kernel + bias as logits, and the logits (see ops/fused/dense_loss.h).
  DenseLoss call_with_loss(const Tensor& x, Loss loss, const Tensor& labels) const {
    return dense_loss(loss, x, kernel, bias, labels);
  }
};
inline const LayerRegistration<Dense> dense_registration;
extern template class LayerOf<Dense>;

}  // namespace manul
