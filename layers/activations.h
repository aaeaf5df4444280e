#pragma once

#include "manul/framework/config/option_type.h"
#include "manul/layers/layer.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Activations stand in configs by name_of(); null is linear. What each version of Keras calls them is the
/// files' affair (models/keras/activation_names.h).
template <>
struct OptionType<Activation> {
  static constexpr const char* wanted = "the name of an activation";
  static std::optional<Activation> read(const Config& config);
  static Config write(Activation value) { return name_of(value); }
};

/// Keras' Activation: one of the activations by name, on any shape.
struct ActivationLayer {
  static constexpr const char* class_name = "Activation";
  static constexpr bool supports_masking = true;
  Activation activation = Activation::linear;
  std::string name = {};

  void describe(Description& description) { description.option("activation", activation); }
  std::optional<Activation> as_activation() const { return activation; }
  Tensor call(const Tensor& x) const { return activate(x, activation); }
};
inline const LayerRegistration<ActivationLayer> activation_registration;
extern template class LayerOf<ActivationLayer>;

/// Keras' ReLU: x above `threshold`, at most `max_value`; below, negative_slope * (x - threshold).
struct ReLU {
  static constexpr const char* class_name = "ReLU";
  static constexpr bool supports_masking = true;
  std::optional<double> max_value = {};
  double negative_slope = 0;
  double threshold = 0;
  std::string name = {};

  void describe(Description& description);
  std::optional<Activation> as_activation() const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<ReLU> relu_registration;
extern template class LayerOf<ReLU>;

/// Keras' LeakyReLU: x where it is positive, else alpha * x. (Keras 3 calls alpha negative_slope.) The
/// gradient at 0 is alpha, as Keras has it.
struct LeakyReLU {
  static constexpr const char* class_name = "LeakyReLU";
  static constexpr bool supports_masking = true;
  double alpha = 0.3;
  std::string name = {};

  void describe(Description& description) {
    description.option({"alpha", "negative_slope"}, alpha, at_least(0));
  }
  Tensor call(const Tensor& x) const { return leaky_relu(x, alpha); }
};
inline const LayerRegistration<LeakyReLU> leaky_relu_registration;
extern template class LayerOf<LeakyReLU>;

/// Keras' PReLU: x where it is positive, else alpha * x with learned alphas: one for each element of a
/// sample, or one for all that differ only along `shared_axes` (of a batch: 1 and 2 for pictures). Weight:
/// alpha.
struct PReLU {
  static constexpr const char* class_name = "PReLU";
  static constexpr bool supports_masking = true;
  std::optional<Integers> shared_axes = {};
  std::string name = {};
  bool trainable = true;
  Weight alpha = {};  // made by build()

  void describe(Description& description);
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<PReLU> prelu_registration;
extern template class LayerOf<PReLU>;

/// Keras' ELU: x where it is positive, else alpha * (exp(x) - 1).
struct ELU {
  static constexpr const char* class_name = "ELU";
  static constexpr bool supports_masking = true;
  double alpha = 1;
  std::string name = {};

  void describe(Description& description) { description.option("alpha", alpha); }
  Tensor call(const Tensor& x) const { return elu(x, alpha); }
};
inline const LayerRegistration<ELU> elu_registration;
extern template class LayerOf<ELU>;

/// Keras 2's ThresholdedReLU: x where it is more than theta, else 0.
struct ThresholdedReLU {
  static constexpr const char* class_name = "ThresholdedReLU";
  static constexpr bool supports_masking = true;
  double theta = 1;
  std::string name = {};

  void describe(Description& description) { description.option("theta", theta, at_least(0)); }
  Tensor call(const Tensor& x) const { return relu(x, {.threshold = theta}); }
};
inline const LayerRegistration<ThresholdedReLU> thresholded_relu_registration;
extern template class LayerOf<ThresholdedReLU>;

/// Keras' Softmax over one axis of a batch or several.
struct Softmax {
  static constexpr const char* class_name = "Softmax";
  Integers axis = -1;
  std::string name = {};
  bool is_over_last_axis = false;  // known by build()

  void describe(Description& description) { description.option("axis", axis); }
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  std::optional<Activation> as_activation() const;
  bool gives_mask(const std::vector<bool>& masked) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Softmax> softmax_registration;
extern template class LayerOf<Softmax>;

}  // namespace manul
