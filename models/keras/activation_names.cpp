#include "manul/models/keras/activation_names.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/layers/activations.h"

namespace manul::keras {
namespace {

/// A module of Keras 3 that has its activations and that no earlier Keras has.
constexpr const char* module_of_keras_3 = "keras.ops";

/// A function of Keras 3 by an object: its name alone is none to Keras 2, or another's.
Config keras_3_function(const std::string& name) {
  return Config::map({{"module", module_of_keras_3},
                      {"class_name", "function"},
                      {"config", name},
                      {"registered_name", name}});
}

bool is_function(const Config& object) {
  const Config* config = object.find("config");
  return object.get("class_name", "") == "function" && config && config->is_string();
}

}  // namespace

Config activation_by_own_name(const Config& activation, int keras_version, std::string_view layer) {
  if (activation.is_map() && is_function(activation)) {
    bool of_keras_3 = activation.get("module", "") == module_of_keras_3;
    return activation_by_own_name(activation.at("config"), of_keras_3 ? 3 : keras_version, layer);
  }
  if (!activation.is_string()) return activation;
  int version = std::clamp(keras_version, 2, 3);
  if (auto found = find_activation(activation.as_string(), version)) return name_of(*found);
  if (OptionType<Activation>::read(activation))
    fail(ErrorKind::model_file, "layer {}: option activation: {} is not an activation of Keras {}", layer,
         activation.text(), version);
  return activation;
}

Config activation_by_keras_name(const Config& activation, int keras_version) {
  std::optional<Activation> which;
  if (activation.is_string()) which = find_activation(activation.as_string());
  if (!which) return activation;
  if (auto name = keras_name(*which, keras_version)) return *name;
  std::optional<std::string> name = keras_name(*which, 3);
  check(name && keras_version < 3, "save: the activation {} has no name in files of Keras {}",
        name_of(*which), keras_version);
  return keras_3_function(*name);
}

}  // namespace manul::keras
