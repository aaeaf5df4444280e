#include "manul/models/zoo/networks.h"
#include "manul/models/zoo/resnet_layers.h"

namespace manul::zoo {

// ResNet-50 (He et al. 2015): blocks of 1x1, 3x3 and 1x1 convolutions. The first block of a stage halves the
// picture.
Symbol resnet50(NetworkBuilder& network, Symbol x) {
  ResNetLayers layers(network, {.epsilon = 1.001e-5});
  auto block = [&](Symbol x, int64_t filters, int stage, int number, const std::string& name) {
    int64_t strides = stage > 0 && number == 1 ? 2 : 1;
    Symbol shortcut = x;
    if (number == 1) {
      shortcut = layers.convolution(x, {.filters = 4 * filters, .strides = strides}, name + "_0");
      shortcut = layers.normalized(shortcut, name + "_0");
    }
    x = layers.convolution(x, {.filters = filters, .strides = strides}, name + "_1");
    x = layers.normalized_relu(x, name + "_1");
    x = layers.convolution(x, {.filters = filters, .kernel_size = 3, .padding = Padding::same}, name + "_2");
    x = layers.normalized_relu(x, name + "_2");
    x = layers.normalized(layers.convolution(x, {.filters = 4 * filters}, name + "_3"), name + "_3");
    return layers.added_relu(shortcut, x, name);
  };
  return network.usual_top(layers.stages(layers.stem(x, true), {3, 4, 6, 3}, block));
}

// Its second version (He et al. 2016): normalization and activation stand before the convolutions. The last
// block of a stage halves the picture.
Symbol resnet50v2(NetworkBuilder& network, Symbol x) {
  constexpr std::array<int, 4> blocks{3, 4, 6, 3};
  ResNetLayers layers(network, {.epsilon = 1.001e-5});
  auto block = [&](Symbol x, int64_t filters, int stage, int number, const std::string& name) {
    int64_t strides = stage < 3 && number == blocks[stage] ? 2 : 1;
    Symbol shortcut = x;
    x = layers.normalized_relu(x, name + "_preact");
    if (number == 1)
      shortcut = layers.convolution(x, {.filters = 4 * filters}, name + "_0");
    else if (strides > 1)
      shortcut = network.apply(MaxPooling2D{.pool_size = 1, .strides = strides}, shortcut);
    x = layers.convolution(x, {.filters = filters, .use_bias = false}, name + "_1");
    x = layers.padded(layers.normalized_relu(x, name + "_1"), 1, name + "_2");
    Conv2D options{.filters = filters, .kernel_size = 3, .strides = strides, .use_bias = false};
    x = layers.normalized_relu(layers.convolution(x, options, name + "_2"), name + "_2");
    x = layers.convolution(x, {.filters = 4 * filters}, name + "_3");
    return network.apply(Add{.name = name + "_out"}, {shortcut, x});
  };
  x = layers.stages(layers.stem(x, true, false), blocks, block);
  return network.usual_top(layers.normalized_relu(x, "post"));
}

}  // namespace manul::zoo
