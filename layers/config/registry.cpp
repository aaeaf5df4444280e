#include "manul/layers/config/registry.h"

#include <algorithm>
#include <mutex>

#include "manul/framework/config/not_supported.h"
#include "manul/framework/error.h"
#include "manul/layers/convnext.h"
#include "manul/layers/layers.h"

namespace manul {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<LayerClass> classes;
};

Registry& registry() {
  static Registry registry;
  return registry;
}

/// Why there is no such layer, and what to do.
std::string advice(std::string_view class_name) {
  if (class_name.find('>') != std::string_view::npos)
    return "; it is somebody's own: include the header that has its LayerRegistration in this program";
  bool is_lambda = class_name.ends_with("OpLambda");
  if (std::string why = why_not_supported("layers", is_lambda ? "Lambda" : class_name); !why.empty())
    return why;
  return "; docs/layers.md lists those that are, and one of your own can be registered under this name";
}

}  // namespace

std::vector<LayerClass> layer_classes() {
  std::lock_guard lock(registry().mutex);
  return registry().classes;
}

void register_layer(const LayerClass& layer_class) {
  std::lock_guard lock(registry().mutex);
  std::vector<LayerClass>& classes = registry().classes;
  for (const LayerClass& other : classes)
    if (other.name == layer_class.name && *other.type == *layer_class.type) return;
  auto after = std::upper_bound(classes.begin(), classes.end(), layer_class,
                                [](const LayerClass& a, const LayerClass& b) { return a.name < b.name; });
  classes.insert(after, layer_class);
}

std::string_view keras_module_of(std::string_view class_name) {
  std::lock_guard lock(registry().mutex);
  for (const LayerClass& known : registry().classes)
    if (known.name == class_name) return known.keras_module;
  return "keras.layers";
}

Config read_dtype_policy(const Config& config) {
  const Config* dtype = config.find("dtype");
  if (!dtype || dtype->is_null()) return "float32";
  const Config* options = dtype->find("config");
  const Config* name = options ? options->find("name") : dtype;
  if (name && name->is_string())
    for (const char* known :
         {"float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "uint8", "int32"})
      if (name->as_string() == known) return *name;
  fail(ErrorKind::model_file, "option dtype: {} is not supported", dtype->text());
}

LayerPtr make_layer(const std::string& class_name, const Config& config) {
  std::string name = config.get("name", "without a name");
  std::vector<LayerClass> found;
  for (const LayerClass& known : layer_classes())
    if (known.name == class_name) found.push_back(known);
  if (found.empty())
    fail(ErrorKind::model_file, "layer {}: layers of the class {} are not supported{}", name, class_name,
         advice(class_name));
  if (found.size() > 1)
    fail(ErrorKind::model_file, "layer {}: the program has two layers of the class {}", name, class_name);
  try {
    return found[0].from_config(config);
  } catch (const Error& error) {
    fail(ErrorKind::model_file, "layer {} ({}): {}", name, class_name, error.what());
  }
}

}  // namespace manul
