#include <cmath>

#include "manul/models/zoo/efficientnet_layers.h"
#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

constexpr EfficientStage b0_stages[] = {{3, 1, 16, 1, 1}, {3, 2, 24, 6, 2},  {5, 2, 40, 6, 2},
                                        {3, 3, 80, 6, 2}, {5, 3, 112, 6, 1}, {5, 4, 192, 6, 2},
                                        {3, 1, 320, 6, 1}};

Symbol padded(NetworkBuilder& network, const Symbol& x, int64_t kernel, const std::string& name) {
  Borders2D padding = padding_for_strides(network.shape(x), kernel);
  return network.apply(ZeroPadding2D{.padding = padding, .name = name}, x);
}

Symbol block(NetworkBuilder& network, const Symbol& x, const EfficientStage& stage, int64_t strides,
             double drop_rate, const std::string& name) {
  EfficientLayers layers(network, 0.99);
  int64_t channels = network.channels(x);
  Symbol y = x;
  if (stage.expansion > 1) y = layers.convolution(y, channels * stage.expansion, 1, 1, name + "expand_");
  if (strides == 2) y = padded(network, y, stage.kernel, name + "dwconv_pad");
  y = layers.depthwise(y, stage.kernel, strides, strides == 2 ? Padding::valid : Padding::same,
                       name + "dwconv");
  y = layers.squeezed(layers.normalized(y, name), std::max<int64_t>(1, channels / 4), name);
  y = layers.convolution(y, stage.filters, 1, 1, name + "project_", false);
  return strides == 1 && channels == stage.filters ? layers.added(x, y, drop_rate, name) : y;
}

/// The mean and variance of the pixels are weights, 0 and 1 at first. Keras' weights for ImageNet were
/// trained with deviations in place of variances, which its network makes up for.
Symbol preprocessed(NetworkBuilder& network, Symbol x) {
  x = network.apply(Normalization{}, network.apply(Rescaling{.scale = 1 / 255.0}, x));
  if (!network.for_imagenet_weights()) return x;
  std::vector<double> scales;
  for (double deviation : imagenet_deviation) scales.push_back(1 / std::sqrt(deviation));
  return network.apply(Rescaling{.scale = scales}, x);
}

}  // namespace

// EfficientNet-B0 (Tan and Le 2019).
Symbol efficientnetb0(NetworkBuilder& network, Symbol x) {
  EfficientLayers layers(network, 0.99);
  draw_kernels(network);
  if (network.include_preprocessing()) x = preprocessed(network, x);
  x = padded(network, x, 3, "stem_conv_pad");
  x = layers.convolution(x, 32, 3, 2, "stem_", true, Padding::valid);
  int number = 0;
  for (int i = 0; i < 7; ++i)
    for (int64_t j = 0; j < b0_stages[i].blocks; ++j)
      x = block(network, x, b0_stages[i], j == 0 ? b0_stages[i].strides : 1, 0.2 * number++ / 16,
                fmt::format("block{}{}_", i + 1, static_cast<char>('a' + j)));
  return network.usual_top(layers.convolution(x, 1280, 1, 1, "top_"), 0.2);
}

}  // namespace manul::zoo
