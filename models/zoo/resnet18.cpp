#include <array>

#include "manul/models/zoo/networks.h"

// ResNet-18 and ResNet-34 (He et al. 2015), which keras.applications has not: blocks of two 3x3 convolutions,
// with names as in its ResNet50, and otherwise as in torchvision: no biases, zeros of one pixel all around.
namespace manul::zoo {
namespace {

class BasicBlocks {
 public:
  explicit BasicBlocks(NetworkBuilder& network) : network_(network) {}

  Symbol convolution(Symbol x, int64_t filters, int64_t size, int64_t strides, const std::string& name) {
    if (size > 1) x = network_.apply(ZeroPadding2D{.padding = size / 2, .name = name + "_pad"}, x);
    x = network_.apply(Conv2D{.filters = filters,
                              .kernel_size = size,
                              .strides = strides,
                              .use_bias = false,
                              .name = name + "_conv"},
                       x);
    return network_.apply(BatchNormalization{.momentum = 0.9, .epsilon = 1e-5, .name = name + "_bn"}, x);
  }

  Symbol relu(const Symbol& x, const std::string& name) {
    return network_.apply(ActivationLayer{.activation = Activation::relu, .name = name}, x);
  }

  Symbol block(const Symbol& x, int64_t filters, int64_t strides, const std::string& name) {
    bool changes = strides > 1 || network_.channels(x) != filters;
    Symbol shortcut = changes ? convolution(x, filters, 1, strides, name + "_0") : x;
    Symbol y = convolution(x, filters, 3, strides, name + "_1");
    y = convolution(relu(y, name + "_1_relu"), filters, 3, 1, name + "_2");
    return relu(network_.apply(Add{.name = name + "_add"}, {shortcut, y}), name + "_out");
  }

 private:
  NetworkBuilder& network_;
};

Symbol resnet(NetworkBuilder& network, Symbol x, const std::array<int, 4>& blocks) {
  BasicBlocks layers(network);
  x = layers.relu(layers.convolution(x, 64, 7, 2, "conv1"), "conv1_relu");
  x = network.apply(ZeroPadding2D{.padding = 1, .name = "pool1_pad"}, x);
  x = network.apply(MaxPooling2D{.pool_size = 3, .strides = 2, .name = "pool1_pool"}, x);
  for (int stage = 0; stage < 4; ++stage)
    for (int i = 1; i <= blocks[stage]; ++i)
      x = layers.block(x, int64_t{64} << stage, stage > 0 && i == 1 ? 2 : 1,
                       fmt::format("conv{}_block{}", stage + 2, i));
  return network.usual_top(x);
}

}  // namespace

Symbol resnet18(NetworkBuilder& network, Symbol x) {
  return resnet(network, x, {2, 2, 2, 2});
}

Symbol resnet34(NetworkBuilder& network, Symbol x) {
  return resnet(network, x, {3, 4, 6, 3});
}

}  // namespace manul::zoo
