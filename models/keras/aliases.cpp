#include <array>
#include <utility>

#include "manul/framework/error.h"
#include "manul/models/keras/activation_names.h"
#include "manul/models/keras/architecture.h"

namespace manul::keras {
namespace {

/// Modes of Keras 1's Merge and the layers of today that they are.
constexpr std::array<std::pair<const char*, const char*>, 3> merge_modes{
    {{"sum", "Add"}, {"mul", "Multiply"}, {"ave", "Average"}}};

std::string class_of_merge(const Config& config) {
  std::string mode = config.get("mode", "sum");
  for (const auto& [name, class_name] : merge_modes)
    if (mode == name) return class_name;
  fail(ErrorKind::model_file, "layer {}: a Merge of mode {} is not supported, only sum, mul and ave",
       config.get("name", "without a name"), mode);
}

}  // namespace

Config modern_config(const Config& config, std::string& class_name, int major_version) {
  if (class_name == "Convolution2D") class_name = "Conv2D";
  if (class_name == "Merge") {  // its other options belong to modes that are not supported
    class_name = class_of_merge(config);
    return Config::map({{"name", config.get("name", "")}, {"trainable", config.get("trainable", true)}});
  }
  if (!config.is_map()) return config;
  if (int64_t mode = class_name == "BatchNormalization" ? config.get("mode", int64_t{0}) : 0; mode != 0)
    fail(ErrorKind::model_file, "layer {}: a BatchNormalization of mode {} is not supported, only 0",
         config.get("name", "without a name"), mode);
  Config result = Config::map();
  for (const Config::Entry& entry : config.as_map()) {
    if (entry.key == "dim_ordering")
      result.set("data_format", entry.value == Config("th") ? "channels_first" : "channels_last");
    else if (entry.key == "activation")
      result.set(entry.key,
                 activation_by_own_name(entry.value, major_version, config.get("name", "without a name")));
    else if (entry.key != "nb_row" && entry.key != "nb_col")
      result.set(entry.key, entry.value);
  }
  const Config *rows = config.find("nb_row"), *columns = config.find("nb_col");
  if (rows && columns) result.set("kernel_size", Config::List{*rows, *columns});
  return result;
}

}  // namespace manul::keras
