#include <array>
#include <utility>

#include "manul/framework/error.h"
#include "manul/models/keras/architecture.h"

namespace manul::keras {
namespace {

using Names = std::pair<const char*, const char*>;  // Keras 1's and today's

constexpr std::array class_names{
    Names{"Convolution2D", "Conv2D"},
    Names{"Merge", "Add"},
};

constexpr std::array keys{
    Names{"nb_filter", "filters"},
    Names{"subsample", "strides"},
    Names{"border_mode", "padding"},
    Names{"output_dim", "units"},
    Names{"bias", "use_bias"},
    Names{"p", "rate"},
    Names{"W_regularizer", "kernel_regularizer"},
    Names{"b_regularizer", "bias_regularizer"},
    Names{"W_constraint", "kernel_constraint"},
    Names{"b_constraint", "bias_constraint"},
};

Config renamed(const Config& config) {
  Config result = Config::map();
  for (const Config::Entry& entry : config.as_map()) {
    std::string key = entry.key;
    for (const Names& names : keys)
      if (key == names.first && !config.find(names.second)) key = names.second;
    result.set(key, entry.value);
  }
  return result;
}

}  // namespace

Config modern_config(const Config& config, std::string& class_name) {
  if (class_name == "Merge" && config.get("mode", "sum") != "sum")
    fail(ErrorKind::model_file, "layer {}: a Merge of mode {} is not supported, only sum",
         config.get("name", "without a name"), config.get("mode", "sum"));
  if (int64_t mode = class_name == "BatchNormalization" ? config.get("mode", int64_t{0}) : 0; mode != 0)
    fail(ErrorKind::model_file, "layer {}: a BatchNormalization of mode {} is not supported, only 0",
         config.get("name", "without a name"), mode);
  for (const Names& names : class_names)
    if (class_name == names.first) class_name = names.second;
  Config result = renamed(config);
  const Config *rows = config.find("nb_row"), *columns = config.find("nb_col");
  if (rows && columns) result.set("kernel_size", Config::List{*rows, *columns});
  if (const Config* ordering = config.find("dim_ordering"))
    result.set("data_format", *ordering == Config("th") ? "channels_first" : "channels_last");
  return result;
}

}  // namespace manul::keras
