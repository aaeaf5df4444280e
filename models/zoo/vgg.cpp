#include <array>

#include "manul/models/zoo/networks.h"

// VGG16 and VGG19 (Simonyan and Zisserman 2014): blocks of 3x3 convolutions, and three dense layers.
namespace manul::zoo {
namespace {

Symbol vgg(NetworkBuilder& network, Symbol x, const std::array<int, 5>& convolutions) {
  int64_t filters = 64;
  for (int block = 1; block <= 5; ++block) {
    std::string name = fmt::format("block{}_", block);
    for (int i = 1; i <= convolutions[block - 1]; ++i)
      x = network.apply(Conv2D{.filters = filters,
                               .kernel_size = 3,
                               .padding = Padding::same,
                               .activation = Activation::relu,
                               .name = fmt::format("{}conv{}", name, i)},
                        x);
    x = network.apply(MaxPooling2D{.name = name + "pool"}, x);
    filters = std::min<int64_t>(512, 2 * filters);
  }
  if (!network.include_top()) return network.pooled(x, "", "");
  x = network.apply(Flatten{.name = "flatten"}, x);
  for (const char* name : {"fc1", "fc2"})
    x = network.apply(Dense{.units = 4096, .activation = Activation::relu, .name = name}, x);
  return network.predictions(x);
}

}  // namespace

Symbol vgg16(NetworkBuilder& network, Symbol x) {
  return vgg(network, x, {2, 2, 3, 3, 3});
}

Symbol vgg19(NetworkBuilder& network, Symbol x) {
  return vgg(network, x, {2, 2, 4, 4, 4});
}

}  // namespace manul::zoo
