#include "manul/layers/layer.h"

#include <algorithm>
#include <cctype>

#include "manul/ops/regularizers/regularizer_table.h"

namespace manul {

const Tensor& Weight::value() const {
  return parameter_ ? AutocastScope::value_of(*parameter_) : stored();
}
const Tensor& Weight::stored() const {
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
  for (const ParameterPtr& parameter : owned_) parameter->set_trainable(trainable);
  TrainStep::forget_captured();  // BatchNormalization runs otherwise, without weights too
}

void Layer::set_dtype_policy(DTypePolicy policy) {
  dtype_ = std::string(name_of(policy));
}

DTypePolicy Layer::dtype_policy() const {
  bool is_mixed = dtype_.is_string() && dtype_.as_string() == name_of(DTypePolicy::mixed_bfloat16);
  return is_mixed ? DTypePolicy::mixed_bfloat16 : DTypePolicy::float32;
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
  heed_activity_regularizer();
}

Shape Layer::output_shape(const std::vector<Shape>& inputs) const {
  std::vector<Shape> shapes = output_shapes(inputs);
  check(shapes.size() == 1, "{}: it has {} outputs, not one", name_, shapes.size());
  return shapes[0];
}

std::string Layer::default_name() const {
  return snake_case(class_name());
}

std::vector<Parameter*> Layer::parameters() const {
  std::vector<Parameter*> all;
  for (const ParameterPtr& parameter : owned_) all.push_back(parameter.get());
  return all;
}

void Layer::build(const std::vector<Shape>& inputs, ParameterSet& parameters, const std::string& scope) {
  std::string prefix = scope + name_ + "/";
  Weights weights;
  if (!is_built_) declare(inputs, weights);
  for (const Weights::Declared& weight : weights.declared_)
    check(!parameters.contains(prefix + weight.name), "parameters: two are called {}", prefix + weight.name);
  is_built_ = true;
  for (const Weights::Declared& weight : weights.declared_) {
    auto parameter = std::make_shared<Parameter>();
    parameter->path = prefix + weight.name;
    parameter->name = weight.name;
    parameter->shape = weight.shape;
    parameter->initializer = weight.initializer;
    parameter->trainable = trainable_ && !weight.is_statistic;
    parameter->statistic = weight.is_statistic;
    parameter->filters_first = weight.filters_first;
    weight.weight->parameter_ = parameter.get();
    heed_weight_options(*parameter);
    owned_.push_back(std::move(parameter));
  }
  for (const ParameterPtr& parameter : owned_) parameters.add(parameter, prefix + parameter->name);
}

namespace {

/// A kernel that lies with its filters first has Keras' last axis first: the axes of a constraint follow.
Config in_memory_axes(Config object, const Parameter& parameter) {
  if (!parameter.filters_first || !object.find("config")) return object;
  Config config = object.at("config");
  const Config* axis = config.find("axis");
  int64_t rank = parameter.shape.rank();
  auto translated = [rank](const Config& one) -> Config { return (one.as_int() + rank + 1) % rank; };
  Config::List axes;
  if (!axis || axis->is_null())
    axes.push_back(translated(0));
  else if (axis->is_list())
    for (const Config& one : axis->as_list()) axes.push_back(translated(one));
  else
    axes.push_back(translated(*axis));
  config.set("axis", std::move(axes));
  object.set("config", std::move(config));
  return object;
}

/// What Keras' options of a weight begin with: "kernel" of "query/kernel", "depthwise_kernel" and
/// "depthwise" of "depthwise_kernel".
std::vector<std::string> option_names(const std::string& weight) {
  std::string name = weight.substr(weight.find_last_of('/') + 1);
  if (name.ends_with("_kernel")) return {name, name.substr(0, name.size() - 7)};
  return {name};
}

}  // namespace

Config Layer::untrained_options() const {
  Config rest = Config::map();
  if (!untrained_.is_map()) return rest;
  for (const Config::Entry& entry : untrained_.as_map())
    if (std::find(heeded_.begin(), heeded_.end(), entry.key) == heeded_.end())
      rest.set(entry.key, entry.value);
  return rest;
}

Parameter& Layer::declared(const std::string& weight) const {
  auto found = std::find_if(owned_.begin(), owned_.end(),
                            [&](const ParameterPtr& parameter) { return parameter->name == weight; });
  check(found != owned_.end(), "{}: it has no weight {}", name_, weight);
  return **found;
}

void Layer::set_weight_option(const std::string& weight, const std::string& kind, Config object) {
  untrained_.set(weight + kind, std::move(object));
  if (is_built_) heed_weight_options(declared(weight));
}

void Layer::set_activity_regularizer(Config object) {
  OptionList options;
  describe(options);
  auto is_activity = [](const OptionList::Entry& entry) {
    return entry.option.keys.front() == "activity_regularizer";
  };
  bool has_option = std::any_of(options.entries.begin(), options.entries.end(), is_activity);
  check(has_option && regularizes_outputs(),
        "{}: a {} takes no regularizer of its outputs: put an ActivityRegularization behind it", name_,
        class_name());
  untrained_.set("activity_regularizer", std::move(object));
  heed_activity_regularizer();
}

void Layer::heed_activity_regularizer() {
  const Config* object = untrained_.is_map() ? untrained_.find("activity_regularizer") : nullptr;
  if (!object || !regularizes_outputs()) return;
  activity_regularizer_ = find_regularizer(*object);
  if (activity_regularizer_) heeded_.push_back("activity_regularizer");
}

void Layer::initialize(const std::string& weight, const Initializer& initializer) {
  Parameter* parameter = is_built_ ? &declared(weight) : nullptr;
  check(!parameter || !parameter->value.defined(),
        "{}: {} has its values already, it is initialized before the model is built", name_, weight);
  kept_.set(option_names(weight).back() + "_initializer", initializer.object());
  if (!parameter) return;
  const Initializer& former = parameter->initializer;
  parameter->initializer = initializer.with_fans(former.fan_in(), former.fan_out());
}

/// Gives the parameter the initializer, regularizer and constraint that the options have, where they are
/// known.
void Layer::heed_weight_options(Parameter& parameter) {
  for (const std::string& name : option_names(parameter.name)) {
    if (const Config* object = kept_.find(name + "_initializer")) {
      const Initializer& own = parameter.initializer;
      parameter.initializer = Initializer::of(*object).with_fans(own.fan_in(), own.fan_out());
      kept_.set(name + "_initializer", parameter.initializer.object());
    }
    if (const Config* object = untrained_.find(name + "_regularizer"))
      if (auto regularizer = find_regularizer(*object)) {
        parameter.regularizer = std::move(regularizer);
        heeded_.push_back(name + "_regularizer");
      }
    if (const Config* object = untrained_.find(name + "_constraint"))
      if (auto constraint = find_constraint(in_memory_axes(*object, parameter))) {
        parameter.constraint = std::move(constraint);
        heeded_.push_back(name + "_constraint");
      }
  }
}

std::string snake_case(std::string_view class_name) {
  class_name.remove_prefix(class_name.find_last_of(">.") + 1);  // of "Package>Name"; of none there, nothing
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

Tensor Layer::compute_mask(const std::vector<Tensor>& /*inputs*/, const std::vector<Tensor>& masks) const {
  return masks.at(0);
}

}  // namespace manul
