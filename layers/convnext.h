#pragma once

#include "manul/layers/layer.h"

namespace manul {

// Layers that keras.applications.convnext has of its own; its files name them by these classes.

/// LayerScale (Touvron et al. 2021): every channel of x [N, .., projection_dim] times a factor of its own,
/// init_values at first. Weight: gamma [projection_dim].
struct LayerScale {
  static constexpr const char* class_name = "LayerScale";
  static constexpr const char* keras_module = "keras.src.applications.convnext";
  double init_values = 1e-6;
  int64_t projection_dim = 1;
  std::string name = {};
  bool trainable = true;
  Weight gamma = {};  // made by build()

  void describe(Description& description) {
    description.required("init_values", init_values);
    description.required("projection_dim", projection_dim, at_least(1));
  }
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const { return multiply(x, gamma); }
};
inline const LayerRegistration<LayerScale> layer_scale_registration;
extern template class LayerOf<LayerScale>;

/// StochasticDepth (Huang et al. 2016): in training whole samples become zeros with probability
/// drop_path_rate, and the others are divided by what is left of 1.
struct StochasticDepth {
  static constexpr const char* class_name = "StochasticDepth";
  static constexpr const char* keras_module = "keras.src.applications.convnext";
  static constexpr bool identity_in_inference = true;
  double drop_path_rate = 0;
  std::string name = {};

  void describe(Description& description) {
    description.required("drop_path_rate", drop_path_rate, from_to_below(0, 1));
  }
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<StochasticDepth> stochastic_depth_registration;
extern template class LayerOf<StochasticDepth>;

}  // namespace manul
