#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

class SeparableLayers {
 public:
  explicit SeparableLayers(NetworkBuilder& network) : network_(network) {}

  Symbol relu(const Symbol& x, const std::string& name) {
    return network_.apply(ActivationLayer{.activation = Activation::relu, .name = name + "_act"}, x);
  }
  Symbol convolution(Symbol x, int64_t filters, int64_t strides, const std::string& name) {
    x = network_.apply(
        Conv2D{.filters = filters, .kernel_size = 3, .strides = strides, .use_bias = false, .name = name}, x);
    return relu(network_.apply(BatchNormalization{.name = name + "_bn"}, x), name);
  }
  Symbol separable(const Symbol& x, int64_t filters, const std::string& name) {
    Symbol y = network_.apply(
        SeparableConv2D{
            .filters = filters, .kernel_size = 3, .padding = Padding::same, .use_bias = false, .name = name},
        x);
    return network_.apply(BatchNormalization{.name = name + "_bn"}, y);
  }

  /// Half of the picture's lengths, beside a convolution that does the same.
  Symbol halving_block(const Symbol& x, int64_t first, int64_t filters, bool is_activated,
                       const std::string& name) {
    Symbol residual = network_.apply(
        Conv2D{.filters = filters, .strides = 2, .padding = Padding::same, .use_bias = false}, x);
    residual = network_.apply(BatchNormalization{}, residual);
    Symbol y = is_activated ? relu(x, name + "_sepconv1") : x;
    y = relu(separable(y, first, name + "_sepconv1"), name + "_sepconv2");
    y = separable(y, filters, name + "_sepconv2");
    y = network_.apply(
        MaxPooling2D{.pool_size = 3, .strides = 2, .padding = Padding::same, .name = name + "_pool"}, y);
    return network_.apply(Add{}, {y, residual});
  }
  Symbol middle_block(const Symbol& x, const std::string& name) {
    Symbol y = x;
    for (const char* part : {"_sepconv1", "_sepconv2", "_sepconv3"})
      y = separable(relu(y, name + part), 728, name + part);
    return network_.apply(Add{}, {y, x});
  }

 private:
  NetworkBuilder& network_;
};

}  // namespace

// Xception (Chollet 2016).
Symbol xception(NetworkBuilder& network, Symbol x) {
  SeparableLayers layers(network);
  x = layers.convolution(x, 32, 2, "block1_conv1");
  x = layers.convolution(x, 64, 1, "block1_conv2");
  x = layers.halving_block(x, 128, 128, false, "block2");
  x = layers.halving_block(x, 256, 256, true, "block3");
  x = layers.halving_block(x, 728, 728, true, "block4");
  for (int i = 5; i < 13; ++i) x = layers.middle_block(x, fmt::format("block{}", i));
  x = layers.halving_block(x, 728, 1024, true, "block13");
  x = layers.relu(layers.separable(x, 1536, "block14_sepconv1"), "block14_sepconv1");
  x = layers.relu(layers.separable(x, 2048, "block14_sepconv2"), "block14_sepconv2");
  return network.include_top() ? network.usual_top(x) : network.pooled(x, "", "");
}

}  // namespace manul::zoo
