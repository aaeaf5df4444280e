#include "manul/models/zoo/networks.h"
#include "manul/models/zoo/resnet_layers.h"

// ResNet-18 and ResNet-34 (He et al. 2015), which keras.applications has not: blocks of two 3x3 convolutions,
// with names as in its ResNet50, and otherwise as in torchvision: no biases, zeros of one pixel all around.
namespace manul::zoo {
namespace {

Symbol resnet(NetworkBuilder& network, Symbol x, const std::array<int, 4>& blocks) {
  ResNetLayers layers(network, {.momentum = 0.9, .epsilon = 1e-5});
  network.draw_kernels(VarianceScaling{.scale = 2, .mode = "fan_out", .distribution = "untruncated_normal"});
  auto convolution = [&](const Symbol& x, int64_t filters, int64_t strides, const std::string& name) {
    Conv2D options{.filters = filters, .kernel_size = 3, .strides = strides, .use_bias = false};
    return layers.convolution(layers.padded(x, 1, name), options, name);
  };
  x = layers.stages(layers.stem(x, false), blocks,
                    [&](Symbol x, int64_t filters, int stage, int number, const std::string& name) {
                      int64_t strides = stage > 0 && number == 1 ? 2 : 1;
                      Symbol y =
                          layers.normalized_relu(convolution(x, filters, strides, name + "_1"), name + "_1");
                      y = layers.normalized(convolution(y, filters, 1, name + "_2"), name + "_2");
                      if (strides > 1) {
                        Conv2D options{.filters = filters, .strides = strides, .use_bias = false};
                        x = layers.normalized(layers.convolution(x, options, name + "_0"), name + "_0");
                      }
                      return layers.added_relu(x, y, name);
                    });
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
