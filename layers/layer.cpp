#include "manul/layers/layer.h"

#include <cctype>

#include "manul/framework/error.h"

namespace manul {

Config Layer::config() const {
  Config config = Config::map({{"name", name_}, {"trainable", trainable_}, {"dtype", "float32"}});
  Config own = options_config();
  for (const Config::Entry& entry : own.as_map()) config.set(entry.key, entry.value);
  for (const Config* from_file : {&kept_options_, &untrained_options_})
    if (from_file->is_map())
      for (const Config::Entry& entry : from_file->as_map()) config.set(entry.key, entry.value);
  return config;
}

void Layer::build(const std::vector<Shape>& inputs, ParameterSet& parameters) {
  check(!built_in_ || built_in_ == &parameters, "{}: the layer belongs to another model", name_);
  if (built_in_) return;
  built_in_ = &parameters;
  make_parameters(inputs, parameters);
}

Parameter& Layer::add_parameter(ParameterSet& parameters, const std::string& name, const Shape& shape,
                                const Initializer& initializer, bool statistic) {
  Parameter& parameter = parameters.add(name_ + "/" + name, shape, initializer, trainable_ && !statistic);
  parameters_.push_back(&parameter);
  return parameter;
}

const Shape& Layer::only_input(const std::vector<Shape>& inputs, int rank) const {
  check(inputs.size() == 1, "{}: a {} takes one input, not {}", name_, class_name(), inputs.size());
  check(rank < 0 || inputs[0].rank() == rank, "{}: a {} takes samples of {} axes, not {}", name_,
        class_name(), rank, inputs[0]);
  return inputs[0];
}

std::string snake_case(std::string_view class_name) {
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
