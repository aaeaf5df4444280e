#include "manul/layers/activations.h"

#include <array>

namespace manul {
namespace {

constexpr std::array<std::pair<Activation, const char*>, 5> activation_names{
    {{Activation::linear, "linear"},
     {Activation::relu, "relu"},
     {Activation::sigmoid, "sigmoid"},
     {Activation::tanh, "tanh"},
     {Activation::softmax, "softmax"}}};

}  // namespace

std::string name_of(Activation activation) {
  for (const auto& [value, name] : activation_names)
    if (value == activation) return name;
  return "?";
}

std::optional<Activation> OptionType<Activation>::read(const Config& config) {
  if (config.is_null()) return Activation::linear;
  if (config.is_string())
    for (const auto& [activation, name] : activation_names)
      if (config.as_string() == name) return activation;
  return std::nullopt;
}

void ReLU::describe(Description& description) {
  description.fixed("max_value", nullptr);
  description.fixed("negative_slope", 0.0);
  description.fixed("threshold", 0.0);
}

Shape Softmax::output_shape(const Shape& input) const {
  check(axis == -1 || axis == input.rank(),
        "{}: a Softmax runs over the last axis, not over axis {} of a batch of samples {}", name, axis.value,
        input);
  return input;
}

}  // namespace manul
