#include <algorithm>
#include <array>

#include "manul/framework/error.h"
#include "manul/layers/layers.h"

namespace manul {
namespace {

struct Entry {
  const char* class_name;
  LayerPtr (*from_config)(const Config& config);
};

constexpr std::array entries{
    Entry{"Activation", ActivationLayer::from_config},
    Entry{"Add", Add::from_config},
    Entry{"AveragePooling2D", AveragePooling2D::from_config},
    Entry{"BatchNormalization", BatchNormalization::from_config},
    Entry{"Conv2D", Conv2D::from_config},
    Entry{"Dense", Dense::from_config},
    Entry{"Dropout", Dropout::from_config},
    Entry{"Flatten", Flatten::from_config},
    Entry{"GlobalAveragePooling2D", GlobalAveragePooling2D::from_config},
    Entry{"MaxPooling2D", MaxPooling2D::from_config},
    Entry{"ReLU", ReLU::from_config},
    Entry{"Rescaling", Rescaling::from_config},
    Entry{"Softmax", Softmax::from_config},
};

/// Options of every layer, and those of former Keras versions, that change nothing here.
constexpr std::array neutral_keys{"name",
                                  "trainable",
                                  "dtype",
                                  "seed",
                                  "batch_input_shape",
                                  "batch_shape",
                                  "batch_size",
                                  "input_shape",
                                  "input_dtype",
                                  "input_dim",
                                  "input_length",
                                  "data_format",
                                  "groups",
                                  "activation",
                                  "synchronized",
                                  "renorm_clipping",
                                  "renorm_momentum",
                                  "init",
                                  "gamma_init",
                                  "beta_init",
                                  "dim_ordering",
                                  "nb_row",
                                  "nb_col",
                                  "mode",
                                  "concat_axis",
                                  "dot_axes"};

bool says_nothing(const Config& value) {
  return value.is_null() || value == Config(false) || (value.is_list() && value.as_list().empty()) ||
         (value.is_map() && value.as_map().empty());
}

/// Refuses options that this library does not know and that say something: they may change the result.
void refuse_unknown_options(const Layer& layer, const Config& config) {
  Config known = layer.config();
  for (const Config::Entry& entry : config.as_map()) {
    bool neutral = std::find(neutral_keys.begin(), neutral_keys.end(), entry.key) != neutral_keys.end();
    bool regularizes = entry.key.ends_with("_regularizer") || entry.key.ends_with("_constraint");
    if (neutral || regularizes || known.find(entry.key) || says_nothing(entry.value)) continue;
    fail(ErrorKind::model_file, "option {}: {} is not supported", entry.key, entry.value.text());
  }
}

/// The class and the options of an object of Keras, without the module names that only some versions know.
Config plain_object(const Config& object) {
  if (!object.find("class_name")) return object;
  const Config* options = object.find("config");
  return Config::map(
      {{"class_name", object.at("class_name")}, {"config", options ? *options : Config::map()}});
}

/// What the file says that changes nothing here, to be written back.
Config kept_options(const Layer& layer, const Config& config) {
  Config known = layer.config(), kept = Config::map();
  for (const Config::Entry& entry : config.as_map()) {
    bool initializes = entry.key.ends_with("_initializer");
    if (entry.value.is_null() || !known.find(entry.key)) continue;
    if (initializes || entry.key == "seed") kept.set(entry.key, plain_object(entry.value));
    if (entry.key == "dtype") {
      const Config* policy = entry.value.find("config");
      kept.set("dtype", policy ? policy->get("name", "float32") : entry.value);
    }
  }
  return kept;
}

}  // namespace

LayerPtr make_layer(const std::string& class_name, const Config& config) {
  std::string name = config.get("name", "without a name");
  for (const Entry& entry : entries) {
    if (class_name != entry.class_name) continue;
    try {
      LayerPtr layer = entry.from_config(config);
      refuse_unknown_options(*layer, config);
      layer->set_kept_options(kept_options(*layer, config));
      return layer;
    } catch (const Error& error) {
      fail(ErrorKind::model_file, "layer {} ({}): {}", name, class_name, error.what());
    }
  }
  fail(ErrorKind::model_file, "layer {}: layers of the class {} are not supported", name, class_name);
}

}  // namespace manul
