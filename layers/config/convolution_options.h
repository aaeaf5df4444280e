#pragma once

#include "manul/framework/config/description.h"
#include "manul/layers/config/keras_objects.h"

namespace manul {

/// Initializers, regularizers and constraints of convolutions whose kernel is in parts, as Keras calls them.
void describe_depthwise_kernel(Description& description);
/// Keras 2 writes those of a kernel, which a separable convolution does not have, all the same.
void describe_pointwise_kernel(Description& description);
void describe_bias(Description& description);

/// All options of the layers of a kind, along a sequence and over a picture alike.
template <class Layer>
void describe_convolution(Layer& layer, Description& description, const Keys& kernel_size,
                          const Keys& strides) {
  description.required({"filters", "nb_filter"}, layer.filters, at_least(1));
  description.option(kernel_size, layer.kernel_size, at_least(1));
  description.option(strides, layer.strides, at_least(1));
  description.option({"padding", "border_mode"}, layer.padding);
  description.fixed("data_format", "channels_last");
  description.option("dilation_rate", layer.dilation_rate, at_least(1));
  description.option("groups", layer.groups, at_least(1));
  description.option("activation", layer.activation);
  description.option({"use_bias", "bias"}, layer.use_bias);
  describe_kernel_and_bias(description);
}

template <class Layer>
void describe_depthwise_convolution(Layer& layer, Description& description) {
  description.required("kernel_size", layer.kernel_size, at_least(1));
  description.option("strides", layer.strides, at_least(1));
  description.option("padding", layer.padding);
  description.option("depth_multiplier", layer.depth_multiplier, at_least(1));
  description.fixed("data_format", "channels_last");
  description.option("dilation_rate", layer.dilation_rate, at_least(1));
  description.fixed("groups", 1, Written::if_set);
  description.option("activation", layer.activation);
  description.option("use_bias", layer.use_bias);
  describe_depthwise_kernel(description);
  describe_bias(description);
}

template <class Layer>
void describe_separable_convolution(Layer& layer, Description& description) {
  description.required("filters", layer.filters, at_least(1));
  description.option("kernel_size", layer.kernel_size, at_least(1));
  description.option("strides", layer.strides, at_least(1));
  description.option("padding", layer.padding);
  description.fixed("data_format", "channels_last");
  description.option("dilation_rate", layer.dilation_rate, at_least(1));
  description.option("depth_multiplier", layer.depth_multiplier, at_least(1));
  description.fixed("groups", 1, Written::if_set);
  description.option("activation", layer.activation);
  description.option("use_bias", layer.use_bias);
  describe_depthwise_kernel(description);
  describe_pointwise_kernel(description);
  describe_bias(description);
}

template <class Layer>
void describe_transposed_convolution(Layer& layer, Description& description) {
  description.required("filters", layer.filters, at_least(1));
  description.option("kernel_size", layer.kernel_size, at_least(1));
  description.option("strides", layer.strides, at_least(1));
  description.option("padding", layer.padding);
  description.option("output_padding", layer.output_padding, at_least(0));
  description.fixed("data_format", "channels_last");
  description.option("dilation_rate", layer.dilation_rate, at_least(1));
  description.fixed("groups", 1, Written::if_set);
  description.option("activation", layer.activation);
  description.option("use_bias", layer.use_bias);
  describe_kernel_and_bias(description);
}

}  // namespace manul
