#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// The activations that layers have by name; ops/pointwise/activation_table.h says what each of them is.
/// softmax and log_softmax run over the last axis, all others element by element.
enum class Activation {
  linear,
  relu,
  sigmoid,
  tanh,
  softmax,
  log_softmax,
  relu6,
  leaky_relu,
  elu,
  selu,
  exponential,
  softplus,
  softsign,
  silu,
  mish,
  gelu,
  gelu_tanh,
  hard_sigmoid,
  hard_sigmoid_keras2,
  hard_silu,
};

/// activation(x); linear returns x itself.
Tensor activate(const Tensor& x, Activation activation);

/// Its name here, which is Keras 3's if that has it: "relu". No two have the same.
std::string name_of(Activation activation);
/// By name_of().
std::optional<Activation> find_activation(std::string_view name);
/// By any of its names in that version of Keras: "hard_sigmoid" is another function in Keras 2 than in
/// Keras 3. Nothing if that version has none of this name.
std::optional<Activation> find_activation(std::string_view name, int keras_version);
/// The name under which that version of Keras (2 or 3) writes it: "swish" is Keras 2's "silu". Nothing if it
/// does not know it.
std::optional<std::string> keras_name(Activation activation, int keras_version);
/// All of them, in the order of the enumeration.
std::vector<Activation> all_activations();

}  // namespace manul
