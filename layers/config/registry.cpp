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

}  // namespace

LayerPtr make_layer(const std::string& class_name, const Config& config) {
  std::string name = config.get("name", "without a name");
  for (const Entry& entry : entries) {
    if (class_name != entry.class_name) continue;
    try {
      return entry.from_config(config);
    } catch (const Error& error) {
      fail(ErrorKind::model_file, "layer {} ({}): {}", name, class_name, error.what());
    }
  }
  fail(ErrorKind::model_file, "layer {}: layers of the class {} are not supported", name, class_name);
}

}  // namespace manul
