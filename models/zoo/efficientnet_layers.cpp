#include "manul/models/zoo/efficientnet_layers.h"

namespace manul::zoo {

void draw_kernels(NetworkBuilder& network) {
  network.draw_kernels(VarianceScaling{.scale = 2, .mode = "fan_out"},
                       VarianceScaling{.scale = 1.0 / 3, .mode = "fan_out", .distribution = "uniform"});
}

Symbol EfficientLayers::convolution(const Symbol& x, int64_t filters, int64_t kernel, int64_t strides,
                                    const std::string& name, bool is_activated, Padding padding) {
  Symbol y = network_.apply(Conv2D{.filters = filters,
                                   .kernel_size = kernel,
                                   .strides = strides,
                                   .padding = padding,
                                   .use_bias = false,
                                   .name = name + "conv"},
                            x);
  return normalized(y, name, is_activated);
}

Symbol EfficientLayers::normalized(const Symbol& x, const std::string& name, bool is_activated) {
  Symbol y = network_.apply(BatchNormalization{.momentum = momentum_, .name = name + "bn"}, x);
  if (!is_activated) return y;
  return network_.apply(ActivationLayer{.activation = Activation::silu, .name = name + "activation"}, y);
}

Symbol EfficientLayers::depthwise(const Symbol& x, int64_t kernel, int64_t strides, Padding padding,
                                  const std::string& name) {
  return network_.apply(
      DepthwiseConv2D{
          .kernel_size = kernel, .strides = strides, .padding = padding, .use_bias = false, .name = name},
      x);
}

Symbol EfficientLayers::squeezed(const Symbol& x, int64_t filters, const std::string& name) {
  int64_t channels = network_.channels(x);
  auto pointwise = [&](const Symbol& y, int64_t filters, Activation activation, const char* part) {
    return network_.apply(
        Conv2D{.filters = filters, .padding = Padding::same, .activation = activation, .name = name + part},
        y);
  };
  Symbol y = network_.apply(GlobalAveragePooling2D{.name = name + "se_squeeze"}, x);
  y = network_.apply(Reshape{.target_shape = {1, 1, channels}, .name = name + "se_reshape"}, y);
  y = pointwise(y, filters, Activation::silu, "se_reduce");
  y = pointwise(y, channels, Activation::sigmoid, "se_expand");
  return network_.apply(Multiply{.name = name + "se_excite"}, {x, y});
}

Symbol EfficientLayers::added(const Symbol& x, Symbol y, double drop_rate, const std::string& name) {
  if (drop_rate > 0) {
    NoiseShape of_samples{{std::nullopt, 1, 1, 1}};
    y = network_.apply(Dropout{.rate = drop_rate, .noise_shape = of_samples, .name = name + "drop"}, y);
  }
  return network_.apply(Add{.name = name + "add"}, {y, x});
}

}  // namespace manul::zoo
