#include "manul/layers/activations.h"

namespace manul {

std::optional<Activation> OptionType<Activation>::read(const Config& config) {
  if (config.is_null()) return Activation::linear;
  if (!config.is_string()) return std::nullopt;
  if (auto activation = find_activation(config.as_string())) return activation;
  return find_activation(config.as_string(), 3);
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
