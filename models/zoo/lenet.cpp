#include "manul/models/zoo/networks.h"

namespace manul::zoo {

// LeNet-5 (LeCun et al. 1998) as it is taught: pictures of 28x28 are padded to its 32x32, and all layers are
// connected in full. Layers are called as in the paper.
Symbol lenet5(NetworkBuilder& network, Symbol x) {
  auto convolution = [&](int64_t filters, Padding padding, const char* name) {
    x = network.apply(Conv2D{.filters = filters,
                             .kernel_size = 5,
                             .padding = padding,
                             .activation = Activation::tanh,
                             .name = name},
                      x);
  };
  convolution(6, Padding::same, "c1");
  x = network.apply(AveragePooling2D{.name = "s2"}, x);
  convolution(16, Padding::valid, "c3");
  x = network.apply(AveragePooling2D{.name = "s4"}, x);
  if (!network.include_top()) return network.pooled(x);
  x = network.apply(Flatten{.name = "flatten"}, x);
  x = network.apply(Dense{.units = 120, .activation = Activation::tanh, .name = "c5"}, x);
  x = network.apply(Dense{.units = 84, .activation = Activation::tanh, .name = "f6"}, x);
  return network.predictions(x);
}

}  // namespace manul::zoo
