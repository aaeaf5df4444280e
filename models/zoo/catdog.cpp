#include "manul/models/zoo/catdog.h"

namespace manul {

Sequential catdog_network(const CatdogOptions& options) {
  bool binary = options.classes == 2;
  Sequential model({options.size, options.size, options.channels});
  model.add(
      Conv2D{.filters = 32, .kernel_size = 3, .strides = options.strides, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 128, .activation = Activation::relu});
  model.add(Dense{.units = binary ? 1 : options.classes,
                  .activation = binary ? Activation::sigmoid : Activation::softmax});
  return model;
}

Loss catdog_loss(const CatdogOptions& options) {
  return options.classes == 2 ? Loss::binary_crossentropy : Loss::sparse_categorical_crossentropy;
}

}  // namespace manul
