#include <span>

#include "manul/models/zoo/mobilenet_layers.h"
#include "manul/models/zoo/networks.h"

// MobileNetV3 (Howard et al. 2019): inverted residuals with squeeze and excitation, and hard_swish, which is
// hard_silu here. keras.applications writes hard_sigmoid as ReLU(6)(x + 3) / 6.
namespace manul::zoo {
namespace {

struct Block {
  double expansion;
  int64_t filters, kernel, strides;
  bool squeezes, is_hard;  // hard_swish instead of relu
};
constexpr Block small_blocks[] = {
    {1, 16, 3, 2, true, false}, {4.5, 24, 3, 2, false, false}, {11.0 / 3, 24, 3, 1, false, false},
    {4, 40, 5, 2, true, true},  {6, 40, 5, 1, true, true},     {6, 40, 5, 1, true, true},
    {3, 48, 5, 1, true, true},  {3, 48, 5, 1, true, true},     {6, 96, 5, 2, true, true},
    {6, 96, 5, 1, true, true},  {6, 96, 5, 1, true, true}};
constexpr Block large_blocks[] = {
    {1, 16, 3, 1, false, false},  {4, 24, 3, 2, false, false},  {3, 24, 3, 1, false, false},
    {3, 40, 5, 2, true, false},   {3, 40, 5, 1, true, false},   {3, 40, 5, 1, true, false},
    {6, 80, 3, 2, false, true},   {2.5, 80, 3, 1, false, true}, {2.3, 80, 3, 1, false, true},
    {2.3, 80, 3, 1, false, true}, {6, 112, 3, 1, true, true},   {6, 112, 3, 1, true, true},
    {6, 160, 5, 2, true, true},   {6, 160, 5, 1, true, true},   {6, 160, 5, 1, true, true}};

Symbol block(NetworkBuilder& network, const Symbol& x, const Block& block, int number) {
  MobileNetLayers layers(network);
  std::string name = number == 0 ? "expanded_conv_" : fmt::format("expanded_conv_{}_", number);
  int64_t channels = network.channels(x);
  int64_t filters = rounded_filters(static_cast<double>(block.filters) * network.alpha());
  int64_t wide = rounded_filters(static_cast<double>(channels) * block.expansion);
  Symbol y = x;
  if (number > 0) {
    y = layers.normalized(layers.pointwise(y, wide, name + "expand"), name + "expand_bn");
    y = layers.activated(y, block.is_hard);
  }
  y = layers.depthwise(y, block.kernel, block.strides, name + "depthwise", name + "depthwise_pad");
  y = layers.activated(layers.normalized(y, name + "depthwise_bn"), block.is_hard);
  if (block.squeezes) y = layers.squeezed(y, name + "squeeze_excite");
  y = layers.normalized(layers.pointwise(y, filters, name + "project"), name + "project_bn");
  bool skips = block.strides == 1 && channels == filters;
  return skips ? network.apply(Add{.name = name + "add"}, {x, y}) : y;
}

Symbol mobilenetv3(NetworkBuilder& network, Symbol x, std::span<const Block> blocks, double last) {
  MobileNetLayers layers(network);
  if (network.include_preprocessing()) x = network.apply(Rescaling{.scale = 1 / 127.5, .offset = -1.0}, x);
  x = layers.activated(layers.normalized(layers.stem(x, 16, "conv"), "conv_bn"), true);
  int number = 0;
  for (const Block& one : blocks) x = block(network, x, one, number++);
  x = layers.pointwise(x, rounded_filters(6.0 * static_cast<double>(network.channels(x))), "conv_1");
  x = layers.activated(layers.normalized(x, "conv_1_bn"), true);
  if (!network.include_top()) return network.pooled(x);
  x = network.apply(GlobalAveragePooling2D{.keepdims = true}, x);
  x = layers.pointwise(x, rounded_filters(last * std::max(1.0, network.alpha())), "conv_2", true);
  x = network.apply(Dropout{.rate = 0.2}, layers.activated(x, true));
  x = network.apply(Flatten{}, layers.pointwise(x, network.classes(), "logits", true));
  return network.apply(ActivationLayer{.activation = network.classifier_activation(), .name = "predictions"},
                       x);
}

}  // namespace

Symbol mobilenetv3large(NetworkBuilder& network, Symbol x) {
  return mobilenetv3(network, x, large_blocks, 1280);
}

Symbol mobilenetv3small(NetworkBuilder& network, Symbol x) {
  return mobilenetv3(network, x, small_blocks, 1024);
}

}  // namespace manul::zoo
