#include "manul/models/zoo/resnet_layers.h"

namespace manul::zoo {

Symbol ResNetLayers::convolution(const Symbol& x, Conv2D options, const std::string& name) {
  options.name = name + "_conv";
  return network_.apply(options, x);
}

Symbol ResNetLayers::normalized(const Symbol& x, const std::string& name) {
  BatchNormalization options = normalization_;
  options.name = name + "_bn";
  return network_.apply(options, x);
}

Symbol ResNetLayers::normalized_relu(const Symbol& x, const std::string& name) {
  return relu(normalized(x, name), name + "_relu");
}

Symbol ResNetLayers::relu(const Symbol& x, const std::string& name) {
  return network_.apply(ActivationLayer{.activation = Activation::relu, .name = name}, x);
}

Symbol ResNetLayers::padded(const Symbol& x, int64_t zeros, const std::string& name) {
  return network_.apply(ZeroPadding2D{.padding = zeros, .name = name + "_pad"}, x);
}

Symbol ResNetLayers::added_relu(const Symbol& x, const Symbol& y, const std::string& name) {
  return relu(network_.apply(Add{.name = name + "_add"}, {x, y}), name + "_out");
}

Symbol ResNetLayers::stem(Symbol x, bool use_bias, bool is_normalized) {
  Conv2D options{.filters = 64, .kernel_size = 7, .strides = 2, .use_bias = use_bias};
  x = convolution(padded(x, 3, "conv1"), options, "conv1");
  if (is_normalized) x = normalized_relu(x, "conv1");
  return network_.apply(MaxPooling2D{.pool_size = 3, .strides = 2, .name = "pool1_pool"},
                        padded(x, 1, "pool1"));
}

}  // namespace manul::zoo
