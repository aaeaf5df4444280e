#include "manul/layers/activation.h"

#include <array>

#include "manul/framework/error.h"
#include "manul/layers/config/options.h"

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

Activation read_activation(const Config& config) {
  const Config* value = config.find("activation");
  if (!value || value->is_null()) return Activation::linear;
  if (value->is_string())
    for (const auto& [activation, name] : activation_names)
      if (value->as_string() == name) return activation;
  fail(ErrorKind::model_file, "option activation: {} is not supported", value->text());
}

ActivationLayer::operator LayerPtr() const {
  return std::make_shared<ActivatingLayer>("Activation", activation, name);
}
LayerPtr ActivationLayer::from_config(const Config& config) {
  return ActivationLayer{read_activation(config), config.get("name", "")};
}

ReLU::operator LayerPtr() const {
  return std::make_shared<ActivatingLayer>("ReLU", Activation::relu, name);
}
LayerPtr ReLU::from_config(const Config& config) {
  options::require(config, "max_value", nullptr);
  for (const char* key : {"negative_slope", "threshold"})
    if (double value = config.get(key, 0.0); value != 0)
      fail(ErrorKind::model_file, "option {}: {} is not supported, only 0", key, value);
  return ReLU{config.get("name", "")};
}

Softmax::operator LayerPtr() const {
  return std::make_shared<ActivatingLayer>("Softmax", Activation::softmax, name);
}
LayerPtr Softmax::from_config(const Config& config) {
  options::require(config, "axis", -1);
  return Softmax{config.get("name", "")};
}

ActivatingLayer::ActivatingLayer(std::string class_name, Activation activation, std::string name)
    : Layer(std::move(name), true), class_name_(std::move(class_name)), activation_(activation) {}

Tensor ActivatingLayer::call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const {
  return activate(inputs.at(0), activation_);
}

Config ActivatingLayer::options_config() const {
  if (class_name_ == "ReLU")
    return Config::map({{"max_value", nullptr}, {"negative_slope", 0.0}, {"threshold", 0.0}});
  if (class_name_ == "Softmax") return Config::map({{"axis", -1}});
  return Config::map({{"activation", name_of(activation_)}});
}

}  // namespace manul
