#pragma once

#include <array>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "manul/framework/config/config.h"

namespace manul {

class Description;
class LayerPtr;
template <class T>
struct LayerRegistration;

/// A class of layers that files may name.
struct LayerClass {
  std::string_view name;
  LayerPtr (*from_config)(const Config& config);
  void (*describe)(Description& description);  // of a struct with its defaults
  const std::type_info* type;                  // of the struct
  std::string_view keras_module;               // where Keras 3 has it
};

/// All that are known, sorted by name: those whose header some source of the program includes.
std::vector<LayerClass> layer_classes();
/// Enters a class; a second time the same is nothing. Two structs of one name are an error when a file has
/// it.
void register_layer(const LayerClass& layer_class);

/// Where Keras 3 has the class; "keras.layers" if it is not known.
std::string_view keras_module_of(std::string_view class_name);

/// Keys that every layer's config may have and that are not told by describe(): of the layer itself, or of a
/// first layer that says the shape of the network's input.
inline constexpr std::array<std::string_view, 10> common_option_keys{
    "name",       "trainable",   "dtype",       "batch_input_shape", "batch_shape",
    "batch_size", "input_shape", "input_dtype", "input_dim",         "input_length"};

/// The name of the dtype policy of a layer's config. Throws ErrorKind::model_file for those that change more
/// than the precision of the arithmetic (quantization).
Config read_dtype_policy(const Config& config);

}  // namespace manul
