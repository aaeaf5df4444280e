#pragma once

#include <string>

#include "manul/models/zoo/network_builder.h"

namespace manul::zoo {

/// What MobileNets are made of, with names as given.
class MobileNetLayers {
 public:
  explicit MobileNetLayers(NetworkBuilder& network) : network_(network) {}

  Symbol normalized(const Symbol& x, const std::string& name) {
    return network_.apply(BatchNormalization{.momentum = 0.999, .name = name}, x);
  }
  /// A convolution of 1x1, without bias unless asked for.
  Symbol pointwise(const Symbol& x, int64_t filters, const std::string& name, bool use_bias = false) {
    return network_.apply(
        Conv2D{.filters = filters, .padding = Padding::same, .use_bias = use_bias, .name = name}, x);
  }
  /// Padded by a layer of its own where it halves the picture.
  Symbol depthwise(Symbol x, int64_t kernel, int64_t strides, const std::string& name,
                   const std::string& padding_name) {
    if (strides == 2) {
      Borders2D padding = padding_for_strides(network_.shape(x), kernel);
      x = network_.apply(ZeroPadding2D{.padding = padding, .name = padding_name}, x);
    }
    return network_.apply(DepthwiseConv2D{.kernel_size = kernel,
                                          .strides = strides,
                                          .padding = strides == 1 ? Padding::same : Padding::valid,
                                          .use_bias = false,
                                          .name = name},
                          x);
  }
  /// The first convolution, which halves the picture.
  Symbol stem(const Symbol& x, int64_t filters, const std::string& name) {
    return network_.apply(Conv2D{.filters = filters,
                                 .kernel_size = 3,
                                 .strides = 2,
                                 .padding = Padding::same,
                                 .use_bias = false,
                                 .name = name},
                          x);
  }

  /// hard_swish, which is hard_silu here, or relu.
  Symbol activated(const Symbol& x, bool is_hard) {
    if (!is_hard) return network_.apply(ReLU{}, x);
    return network_.apply(ActivationLayer{.activation = Activation::hard_silu}, x);
  }
  /// The channels weighed by what is in the whole picture.
  Symbol squeezed(const Symbol& x, const std::string& name) {
    auto channels = static_cast<double>(network_.channels(x));
    Symbol y = network_.apply(GlobalAveragePooling2D{.keepdims = true, .name = name + "_avg_pool"}, x);
    y = pointwise(y, rounded_filters(0.25 * channels), name + "_conv", true);
    y = network_.apply(ReLU{.name = name + "_relu"}, y);
    y = pointwise(y, network_.channels(x), name + "_conv_1", true);
    y = network_.apply(ActivationLayer{.activation = Activation::hard_sigmoid}, y);
    return network_.apply(Multiply{.name = name + "_mul"}, {x, y});
  }

 private:
  NetworkBuilder& network_;
};

}  // namespace manul::zoo
