#pragma once

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
  Activation activation = Activation::linear;
  std::string name = {};

  void describe(Description& description) { description.option("activation", activation); }
  std::optional<Activation> as_activation() const { return activation; }
  Tensor call(const Tensor& x) const { return activate(x, activation); }
};
inline const LayerRegistration<ActivationLayer> activation_registration;

/// Keras' ReLU without its options (max_value, negative_slope, threshold).
struct ReLU {
  static constexpr const char* class_name = "ReLU";
  std::string name = {};

  void describe(Description& description);
  std::optional<Activation> as_activation() const { return Activation::relu; }
  Tensor call(const Tensor& x) const { return relu(x); }
};
inline const LayerRegistration<ReLU> relu_registration;

/// Keras' LeakyReLU: x where it is positive, else alpha * x. (Keras 3 calls alpha negative_slope.)
struct LeakyReLU {
  static constexpr const char* class_name = "LeakyReLU";
  double alpha = 0.3;
  std::string name = {};

  void describe(Description& description) {
    description.option({"alpha", "negative_slope"}, alpha, at_least(0));
  }
  /// alpha * x + (1 - alpha) * relu(x); the gradient at 0 is alpha, as Keras has it.
  Tensor call(const Tensor& x) const { return add(scale(x, alpha), scale(relu(x), 1 - alpha)); }
};
inline const LayerRegistration<LeakyReLU> leaky_relu_registration;

/// Keras' Softmax over the last axis.
struct Softmax {
  static constexpr const char* class_name = "Softmax";
  Axis axis = -1;  // -1, or the last one's index with the batch's axis counted
  std::string name = {};

  void describe(Description& description) { description.option("axis", axis); }
  Shape output_shape(const Shape& input) const;
  std::optional<Activation> as_activation() const { return Activation::softmax; }
  Tensor call(const Tensor& x) const { return softmax(x); }
};
inline const LayerRegistration<Softmax> softmax_registration;

}  // namespace manul
