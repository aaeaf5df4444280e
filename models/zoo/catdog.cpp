#include "manul/models/zoo/catdog.h"

#include "manul/models/zoo/networks.h"

namespace manul {
namespace {

/// All but the last layer.
std::vector<LayerPtr> hidden_layers(int64_t strides) {
  return {
      Conv2D{.filters = 32, .kernel_size = 3, .strides = strides, .activation = Activation::relu},
      MaxPooling2D{.pool_size = 2},
      Flatten{},
      Dense{.units = 128, .activation = Activation::relu},
  };
}

}  // namespace

Sequential catdog_network(const CatdogOptions& options) {
  bool binary = options.classes == 2;
  Sequential model({options.size, options.size, options.channels});
  for (const LayerPtr& layer : hidden_layers(options.strides)) model.add(layer);
  model.add(Dense{.units = binary ? 1 : options.classes,
                  .activation = binary ? Activation::sigmoid : Activation::softmax});
  return model;
}

Loss catdog_loss(const CatdogOptions& options) {
  return options.classes == 2 ? Loss::binary_crossentropy : Loss::sparse_categorical_crossentropy;
}

Symbol zoo::catdog(NetworkBuilder& network, Symbol x) {
  for (const LayerPtr& layer : hidden_layers(CatdogOptions().strides)) x = network.apply(layer, x);
  return network.include_top() ? network.predictions(x, "") : network.pooled(x);
}

}  // namespace manul
