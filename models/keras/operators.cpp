#include "manul/models/keras/operators.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "manul/framework/error.h"

namespace manul::keras {
namespace {

/// What Python calls do, by tf.keras' functions and by Keras 3's classes.
struct Operator {
  std::string_view function, operation;
  const char* layer;  // of two tensors; Activation of one
  const char* activation = nullptr;
};
constexpr Operator operators[] = {
    {"__operators__.add", "Add", "Add"},
    {"math.add", "Add", "Add"},
    {"__operators__.sub", "Subtract", "Subtract"},
    {"math.subtract", "Subtract", "Subtract"},
    {"math.multiply", "Multiply", "Multiply"},
    {"math.truediv", "TrueDivide", "Divide"},
    {"math.divide", "Divide", "Divide"},
    {"nn.relu", "Relu", "Activation", "relu"},
    {"nn.relu6", "Relu6", "Activation", "relu6"},
    {"nn.elu", "", "Activation", "elu"},
    {"nn.selu", "Selu", "Activation", "selu"},
    {"nn.silu", "Silu", "Activation", "silu"},
    {"nn.softplus", "Softplus", "Activation", "softplus"},
    {"nn.softmax", "Softmax", "Activation", "softmax"},
    {"math.sigmoid", "Sigmoid", "Activation", "sigmoid"},
    {"math.tanh", "Tanh", "Activation", "tanh"},
};

bool is_tensor(const Config& argument) {
  if (argument.is_map()) return argument.get("class_name", "") == "__keras_tensor__";
  return argument.is_list() && argument.as_list().size() >= 3 && argument.as_list()[0].is_string();
}

/// The arguments of the only call, in Python's order, and whether there are others.
struct Arguments {
  std::vector<Config> values;
  bool others = false;
};

/// Of softmax: the last axis is the only one that an Activation has.
bool says_nothing(const Config::Entry& argument) {
  return argument.value.is_null() || (argument.key == "axis" && argument.value == Config(-1));
}

void add_named(const Config& named, Arguments& arguments) {
  for (const Config::Entry& entry : named.as_map()) {
    if (entry.key == "y" || entry.key == "x2")
      arguments.values.push_back(entry.value);
    else if (entry.key != "name" && !says_nothing(entry))
      arguments.others = true;
  }
}

Arguments operator_arguments(const Config& entry) {
  Arguments arguments;
  const Config::List& calls = entry.at("inbound_nodes").as_list();
  if (calls.size() != 1) return {{}, true};
  if (calls[0].is_map()) {  // Keras 3
    for (const Config& argument : calls[0].at("args").as_list()) arguments.values.push_back(argument);
    if (const Config* named = calls[0].find("kwargs"); named && named->is_map()) add_named(*named, arguments);
    for (const Config::Entry& option : entry.at("config").as_map())
      if (option.key != "name" && option.key != "trainable" && option.key != "dtype" && !says_nothing(option))
        arguments.others = true;
    return arguments;
  }
  const Config& first = is_tensor(calls[0]) ? calls[0] : calls[0].as_list().at(0);
  Config::List reference = first.as_list();
  Config named = reference.size() > 3 && reference[3].is_map() ? reference[3] : Config::map();
  reference.resize(3);
  // `2 - x` in tf.keras: the number is the first argument, the tensor the second.
  if (reference[0] == Config("_CONSTANT_VALUE")) {
    arguments.values.push_back(reference[2]);
  } else {
    arguments.values.emplace_back(std::move(reference));
  }
  add_named(named, arguments);
  return arguments;
}

Config layer_entry(const Config& entry, const char* class_name, Config options, const Config::List& tensors) {
  std::string name = entry.at("config").get("name", entry.get("name", "").c_str());
  options.set("name", name);
  options.set("trainable", entry.at("config").get("trainable", true));
  Config call =
      tensors.at(0).is_map() ? Config::map({{"args", tensors}, {"kwargs", Config::map()}}) : Config(tensors);
  return Config::map({{"class_name", class_name},
                      {"name", name},
                      {"config", std::move(options)},
                      {"inbound_nodes", Config::List{std::move(call)}}});
}

/// x + 3 and the like as a Rescaling; nothing if it is none.
Config rescaling_of(std::string_view layer, double number, bool number_is_first) {
  double scale = 1, offset = 0;
  if (layer == "Add")
    offset = number;
  else if (layer == "Multiply")
    scale = number;
  else if (layer == "Subtract")
    scale = number_is_first ? -1 : 1, offset = number_is_first ? number : -number;
  else if (layer == "Divide" && !number_is_first)
    scale = 1 / number;
  else
    return {};
  return Config::map({{"scale", scale}, {"offset", offset}});
}

/// Keras 3 says so by the module; its .h5 files have none, but for an operation the config is its name alone.
bool is_operation_of_keras3(const Config& entry) {
  std::string module = entry.get("module", "");
  if (!module.empty()) return module.starts_with("keras.src.ops") || module.starts_with("keras.ops");
  const Config* calls = entry.find("inbound_nodes");
  const Config* config = entry.find("config");
  std::string class_name = entry.at("class_name").as_string();
  return config && config->is_map() && !config->find("trainable") && calls && calls->is_list() &&
         !calls->as_list().empty() && calls->as_list()[0].is_map() &&
         std::any_of(std::begin(operators), std::end(operators),
                     [&](const Operator& one) { return one.operation == class_name; });
}

}  // namespace

Config layer_of_operator(const Config& entry) {
  std::string class_name = entry.at("class_name").as_string();
  bool is_lambda = class_name == "TFOpLambda";
  if (!is_lambda && !is_operation_of_keras3(entry)) return entry;
  std::string function = is_lambda ? entry.at("config").get("function", "") : class_name;
  const auto* known = std::find_if(std::begin(operators), std::end(operators), [&](const Operator& one) {
    return function == (is_lambda ? one.function : one.operation);
  });
  if (known != std::end(operators)) {
    Arguments arguments = operator_arguments(entry);
    const std::vector<Config>& values = arguments.values;
    auto is_number = [](const Config& value) { return value.is_int() || value.is_double(); };
    if (!arguments.others && values.size() == 1 && known->activation && is_tensor(values[0]))
      return layer_entry(entry, "Activation", Config::map({{"activation", known->activation}}), {values[0]});
    if (!arguments.others && values.size() == 2 && !known->activation) {
      bool first = is_tensor(values[0]), second = is_tensor(values[1]);
      if (first && second && std::string_view(known->layer) != "Divide")
        return layer_entry(entry, known->layer, Config::map(), {values[0], values[1]});
      if (first != second && is_number(values[first ? 1 : 0])) {
        Config options = rescaling_of(known->layer, values[first ? 1 : 0].as_double(), second);
        if (!options.is_null()) return layer_entry(entry, "Rescaling", options, {values[first ? 0 : 1]});
      }
    }
  }
  fail(ErrorKind::model_file,
       "layer {}: it is the operation {} in Python, which no layer of Manul does with these arguments",
       entry.get("name", "without a name"), function);
}

}  // namespace manul::keras
