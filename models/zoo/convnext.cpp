#include <array>

#include "manul/models/graph/sequential.h"
#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

constexpr const char* prefix = "convnext_tiny_";
constexpr double epsilon = 1e-6;

/// Two layers as a model of their own, which they are in Keras.
LayerPtr pair(const Shape& input, const std::string& name, const LayerPtr& first, const LayerPtr& second) {
  Sequential model(input, name);
  model.add(first);
  model.add(second);
  return model.as_layer();
}

Symbol block(NetworkBuilder& network, const Symbol& x, const std::string& name) {
  int64_t channels = network.channels(x);
  Symbol y = network.apply(Conv2D{.filters = channels,
                                  .kernel_size = 7,
                                  .padding = Padding::same,
                                  .groups = channels,
                                  .name = name + "_depthwise_conv"},
                           x);
  y = network.apply(LayerNormalization{.epsilon = epsilon, .name = name + "_layernorm"}, y);
  y = network.apply(Dense{.units = 4 * channels, .name = name + "_pointwise_conv_1"}, y);
  y = network.apply(ActivationLayer{.activation = Activation::gelu, .name = name + "_gelu"}, y);
  y = network.apply(Dense{.units = channels, .name = name + "_pointwise_conv_2"}, y);
  y = network.apply(
      LayerScale{.init_values = 1e-6, .projection_dim = channels, .name = name + "_layer_scale"}, y);
  y = network.apply(ActivationLayer{.name = name + "_identity"}, y);
  return network.apply(Add{}, {x, y});
}

Symbol normalized_pixels(NetworkBuilder& network, const Symbol& x) {
  std::vector<double> mean, variance;
  for (double one : imagenet_mean) mean.push_back(255 * one);
  for (double one : imagenet_deviation) variance.push_back(255 * one * 255 * one);
  return network.apply(
      Normalization{
          .mean = mean, .variance = variance, .name = std::string(prefix) + "prestem_normalization"},
      x);
}

}  // namespace

// ConvNeXt-Tiny (Liu et al. 2022).
Symbol convnexttiny(NetworkBuilder& network, Symbol x) {
  constexpr std::array<int64_t, 4> filters{96, 192, 384, 768};
  constexpr std::array<int, 4> blocks{3, 3, 9, 3};
  if (network.include_preprocessing() && network.channels(x) == 3) x = normalized_pixels(network, x);
  for (int i = 0; i < 4; ++i) {
    int64_t size = i == 0 ? 4 : 2;
    std::string number = fmt::format("_{}", i - 1),
                part = prefix + std::string(i == 0 ? "stem" : "downsampling");
    if (i == 0) number.clear();
    LayerPtr norm = LayerNormalization{.epsilon = epsilon, .name = part + "_layernorm" + number};
    LayerPtr convolution =
        Conv2D{.filters = filters[i], .kernel_size = size, .strides = size, .name = part + "_conv" + number};
    LayerPtr downsampling = i == 0 ? pair(network.shape(x), part, convolution, norm)
                                   : pair(network.shape(x), part + "_block" + number, norm, convolution);
    x = network.apply(downsampling, x);
    for (int j = 0; j < blocks[i]; ++j)
      x = block(network, x, fmt::format("{}stage_{}_block_{}", prefix, i, j));
  }
  if (!network.include_top())
    return network.apply(LayerNormalization{.epsilon = epsilon}, network.pooled(x, "", ""));
  x = network.apply(GlobalAveragePooling2D{.name = std::string(prefix) + "head_gap"}, x);
  x = network.apply(LayerNormalization{.epsilon = epsilon, .name = std::string(prefix) + "head_layernorm"},
                    x);
  return network.predictions(x, std::string(prefix) + "head_dense");
}

}  // namespace manul::zoo
