#include "manul/layers/layer.h"

#include <algorithm>
#include <cctype>

namespace manul {

const Tensor& Weight::value() const {
  static const Tensor undefined;
  return parameter_ ? parameter_->value : undefined;
}

void Layer::set_name(std::string name) {
  name_ = std::move(name);
  renamed();
}

void Layer::set_trainable(bool trainable) {
  if (trainable_ == trainable) return;
  trainable_ = trainable;
  renamed();
  for (Parameter* parameter : parameters_) parameter->set_trainable(trainable);
  TrainStep::forget_captured();  // BatchNormalization runs otherwise, without weights too
}

Config Layer::config() const {
  Config config = Config::map({{"name", name_}, {"trainable", trainable_}, {"dtype", dtype_}});
  OptionWriter writer(config, kept_, untrained_);
  describe(writer);
  return config;
}

void Layer::keep(Config kept, Config untrained, Config dtype) {
  kept_ = std::move(kept);
  untrained_ = std::move(untrained);
  dtype_ = std::move(dtype);
}

Shape Layer::output_shape(const std::vector<Shape>& inputs) const {
  std::vector<Shape> shapes = output_shapes(inputs);
  check(shapes.size() == 1, "{}: it has {} outputs, not one", name_, shapes.size());
  return shapes[0];
}

void Layer::build(const std::vector<Shape>& inputs, ParameterSet& parameters) {
  check(!built_in_ || built_in_ == &parameters, "{}: the layer belongs to another model", name_);
  if (built_in_) return;
  Weights weights;
  declare(inputs, weights);
  auto path_of = [&](const Weights::Declared& weight) { return name_ + "/" + weight.name; };
  for (const Parameter& other : parameters.all())
    for (const Weights::Declared& weight : weights.declared_)
      check(other.path != path_of(weight), "parameters: two are called {}", other.path);
  built_in_ = &parameters;
  for (const Weights::Declared& weight : weights.declared_) {
    Parameter& parameter =
        parameters.add(path_of(weight), weight.shape, weight.initializer, !weight.is_statistic);
    parameter.set_trainable(trainable_ && !weight.is_statistic);
    parameter.filters_first = weight.filters_first;
    weight.weight->parameter_ = &parameter;
    parameters_.push_back(&parameter);
  }
}

std::string snake_case(std::string_view class_name) {
  class_name.remove_prefix(class_name.find('>') + 1);  // of "Package>Name"; of none there, nothing
  auto is_upper = [&](size_t i) { return std::isupper(static_cast<unsigned char>(class_name[i])) != 0; };
  auto is_lower = [&](size_t i) { return std::islower(static_cast<unsigned char>(class_name[i])) != 0; };
  std::string name;
  for (size_t i = 0; i < class_name.size(); ++i) {
    bool word_begins =
        i > 0 && is_upper(i) && (is_lower(i - 1) || (i + 1 < class_name.size() && is_lower(i + 1)));
    if (word_begins) name += '_';
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(class_name[i])));
  }
  return name;
}

}  // namespace manul
