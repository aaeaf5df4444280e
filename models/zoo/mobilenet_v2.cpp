#include <cmath>

#include "manul/models/zoo/mobilenet_layers.h"
#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

struct BottleneckStage {
  int64_t filters;
  int blocks;
  int64_t strides;  // of its first block
};
constexpr BottleneckStage bottleneck_stages[] = {{16, 1, 1}, {24, 2, 2},  {32, 3, 2}, {64, 4, 2},
                                                 {96, 3, 1}, {160, 3, 2}, {320, 1, 1}};

/// Widened, convolved channel by channel, and narrowed again.
Symbol block(NetworkBuilder& network, const Symbol& x, int64_t filters, int64_t strides, int number) {
  MobileNetLayers layers(network);
  std::string name = number == 0 ? "expanded_conv_" : fmt::format("block_{}_", number);
  auto normalized_relu6 = [&](const Symbol& y, const char* part) {
    Symbol z = layers.normalized(y, name + part + "_BN");
    return network.apply(ReLU{.max_value = 6.0, .name = name + part + "_relu"}, z);
  };
  int64_t channels = network.channels(x);
  Symbol y = x;
  if (number > 0) y = normalized_relu6(layers.pointwise(y, 6 * channels, name + "expand"), "expand");
  y = normalized_relu6(layers.depthwise(y, 3, strides, name + "depthwise", name + "pad"), "depthwise");
  y = layers.normalized(layers.pointwise(y, filters, name + "project"), name + "project_BN");
  return strides == 1 && filters == channels ? network.apply(Add{.name = name + "add"}, {x, y}) : y;
}

}  // namespace

// MobileNetV2 (Sandler et al. 2018).
Symbol mobilenetv2(NetworkBuilder& network, Symbol x) {
  MobileNetLayers layers(network);
  double alpha = network.alpha();
  network.call_model(fmt::format("mobilenetv2_{:.2f}_{}", alpha, network.shape(x)[0]));
  x = layers.normalized(layers.stem(x, rounded_filters(32 * alpha), "Conv1"), "bn_Conv1");
  x = network.apply(ReLU{.max_value = 6.0, .name = "Conv1_relu"}, x);
  int number = 0;
  for (const BottleneckStage& stage : bottleneck_stages) {
    int64_t filters = rounded_filters(std::floor(static_cast<double>(stage.filters) * alpha));
    for (int i = 0; i < stage.blocks; ++i)
      x = block(network, x, filters, i == 0 ? stage.strides : 1, number++);
  }
  x = layers.pointwise(x, alpha > 1 ? rounded_filters(1280 * alpha) : 1280, "Conv_1");
  x = network.apply(ReLU{.max_value = 6.0, .name = "out_relu"}, layers.normalized(x, "Conv_1_bn"));
  if (!network.include_top()) return network.pooled(x, "", "");
  return network.predictions(network.apply(GlobalAveragePooling2D{}, x));
}

}  // namespace manul::zoo
