#include <array>

#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

class DenseLayers {
 public:
  explicit DenseLayers(NetworkBuilder& network) : network_(network) {}

  Symbol convolution(const Symbol& x, int64_t filters, int64_t kernel, const std::string& name) {
    return network_.apply(Conv2D{.filters = filters,
                                 .kernel_size = kernel,
                                 .padding = kernel > 1 ? Padding::same : Padding::valid,
                                 .use_bias = false,
                                 .name = name},
                          x);
  }
  Symbol normalized_relu(const Symbol& x, const std::string& bn, const std::string& relu) {
    Symbol y = network_.apply(BatchNormalization{.epsilon = 1.001e-5, .name = bn}, x);
    return network_.apply(ActivationLayer{.activation = Activation::relu, .name = relu}, y);
  }

  /// 32 more channels.
  Symbol block(const Symbol& x, const std::string& name) {
    Symbol y = convolution(normalized_relu(x, name + "_0_bn", name + "_0_relu"), 128, 1, name + "_1_conv");
    y = convolution(normalized_relu(y, name + "_1_bn", name + "_1_relu"), 32, 3, name + "_2_conv");
    return network_.apply(Concatenate{.axis = 3, .name = name + "_concat"}, {x, y});
  }
  /// Half of the channels and of the picture's lengths.
  Symbol transition(Symbol x, const std::string& name) {
    x = convolution(normalized_relu(x, name + "_bn", name + "_relu"), network_.channels(x) / 2, 1,
                    name + "_conv");
    return network_.apply(AveragePooling2D{.name = name + "_pool"}, x);
  }

 private:
  NetworkBuilder& network_;
};

}  // namespace

// DenseNet-121 (Huang et al. 2016): each block sees the outputs of all before it.
Symbol densenet121(NetworkBuilder& network, Symbol x) {
  constexpr std::array<int, 4> blocks{6, 12, 24, 16};
  DenseLayers layers(network);
  x = network.apply(ZeroPadding2D{.padding = 3}, x);
  x = network.apply(
      Conv2D{.filters = 64, .kernel_size = 7, .strides = 2, .use_bias = false, .name = "conv1_conv"}, x);
  x = network.apply(ZeroPadding2D{.padding = 1}, layers.normalized_relu(x, "conv1_bn", "conv1_relu"));
  x = network.apply(MaxPooling2D{.pool_size = 3, .strides = 2, .name = "pool1"}, x);
  for (int stage = 0; stage < 4; ++stage) {
    for (int i = 1; i <= blocks[stage]; ++i) x = layers.block(x, fmt::format("conv{}_block{}", stage + 2, i));
    if (stage < 3) x = layers.transition(x, fmt::format("pool{}", stage + 2));
  }
  return network.usual_top(layers.normalized_relu(x, "bn", "relu"));
}

}  // namespace manul::zoo
