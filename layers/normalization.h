#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' BatchNormalization over the last axis: gamma * (x - mean) / sqrt(variance + epsilon) + beta with
/// the batch's statistics in training, the moving ones in inference (and when frozen). Weights: gamma, beta,
/// moving_mean, moving_variance, each [C].
struct BatchNormalization {
  static constexpr const char* class_name = "BatchNormalization";
  double momentum = 0.99;
  double epsilon = 0.001;
  bool center = true;  // has beta
  bool scale = true;   // has gamma
  Axis axis = -1;      // the last one: -1, or its index with the batch's axis counted
  std::string name = {};
  bool trainable = true;
  Weight gamma = {}, beta = {}, moving_mean = {}, moving_variance = {};  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<BatchNormalization> batch_normalization_registration;

}  // namespace manul
