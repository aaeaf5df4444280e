#include "manul/layers/activations.h"

#include <algorithm>
#include <array>

namespace manul {
namespace {

/// Those that files may have.
constexpr std::array in_files{Activation::linear, Activation::relu, Activation::sigmoid, Activation::tanh,
                              Activation::softmax};

}  // namespace

std::optional<Activation> OptionType<Activation>::read(const Config& config) {
  if (config.is_null()) return Activation::linear;
  if (config.is_string())
    for (Activation activation : in_files)
      if (config.as_string() == name_of(activation)) return activation;
  return std::nullopt;
}

Config OptionType<Activation>::write(Activation value) {
  check(std::find(in_files.begin(), in_files.end(), value) != in_files.end(),
        "save: the activation {} is not written to files, only {}", name_of(value), wanted);
  return name_of(value);
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
