#include "manul/models/zoo/efficientnet_layers.h"
#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

constexpr EfficientStage v2b0_stages[] = {{3, 1, 16, 1, 1, false}, {3, 2, 32, 4, 2, false},
                                          {3, 2, 48, 4, 2, false}, {3, 3, 96, 4, 2},
                                          {3, 5, 112, 6, 1},       {3, 8, 192, 6, 2}};
constexpr double v2_momentum = 0.9;

/// Without a depthwise convolution: the one that widens the channels is 3x3.
Symbol fused_block(NetworkBuilder& network, const Symbol& x, const EfficientStage& stage, int64_t strides,
                   const std::string& name) {
  EfficientLayers layers(network, v2_momentum);
  if (stage.expansion == 1)
    return layers.convolution(x, stage.filters, stage.kernel, strides, name + "project_");
  int64_t wide = network.channels(x) * stage.expansion;
  Symbol y = layers.convolution(x, wide, stage.kernel, strides, name + "expand_");
  return layers.convolution(y, stage.filters, 1, 1, name + "project_", false);
}

Symbol squeezed_block(NetworkBuilder& network, const Symbol& x, const EfficientStage& stage, int64_t strides,
                      const std::string& name) {
  EfficientLayers layers(network, v2_momentum);
  int64_t channels = network.channels(x);
  Symbol y = layers.convolution(x, channels * stage.expansion, 1, 1, name + "expand_");
  y = layers.depthwise(y, stage.kernel, strides, Padding::same, name + "dwconv2");
  y = layers.squeezed(layers.normalized(y, name), std::max<int64_t>(1, channels / 4), name);
  return layers.convolution(y, stage.filters, 1, 1, name + "project_", false);
}

Symbol preprocessed_v2(NetworkBuilder& network, Symbol x) {
  if (network.channels(x) != 3) return network.apply(Rescaling{.scale = 1 / 128.0, .offset = -1.0}, x);
  std::vector<double> mean(imagenet_mean.begin(), imagenet_mean.end()), variance;
  for (double deviation : imagenet_deviation) variance.push_back(deviation * deviation);
  return network.apply(Normalization{.axis = 3, .mean = mean, .variance = variance},
                       network.apply(Rescaling{.scale = 1 / 255.0}, x));
}

}  // namespace

// EfficientNetV2-B0 (Tan and Le 2021).
Symbol efficientnetv2b0(NetworkBuilder& network, Symbol x) {
  EfficientLayers layers(network, v2_momentum);
  draw_kernels(network);
  if (network.include_preprocessing()) x = preprocessed_v2(network, x);
  x = layers.convolution(x, 32, 3, 2, "stem_");
  int number = 0;
  for (int i = 0; i < 6; ++i)
    for (int64_t j = 0; j < v2b0_stages[i].blocks; ++j, ++number) {
      const EfficientStage& stage = v2b0_stages[i];
      int64_t strides = j == 0 ? stage.strides : 1;
      std::string name = fmt::format("block{}{}_", i + 1, static_cast<char>('a' + j));
      Symbol y = (stage.squeezes ? squeezed_block : fused_block)(network, x, stage, strides, name);
      bool skips = strides == 1 && network.channels(x) == stage.filters;
      x = skips ? layers.added(x, y, 0.2 * number / 21, name) : y;
    }
  return network.usual_top(layers.convolution(x, 1280, 1, 1, "top_"), 0.2);
}

}  // namespace manul::zoo
