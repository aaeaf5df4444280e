#include "manul/layers/convolutional.h"

#include "manul/layers/config/keras_objects.h"

namespace manul {

void Conv2D::describe(Description& description) {
  description.required({"filters", "nb_filter"}, filters, at_least(1));
  description.option("kernel_size", kernel_size, at_least(1));
  description.option({"strides", "subsample"}, strides, at_least(1));
  description.option({"padding", "border_mode"}, padding);
  description.fixed("data_format", "channels_last");
  description.option("dilation_rate", dilation_rate, at_least(1));
  description.fixed("groups", 1);
  description.option("activation", activation);
  description.option({"use_bias", "bias"}, use_bias);
  describe_kernel_and_bias(description);
}

Conv2DOptions Conv2D::op_options() const {
  return {.strides = lengths_of(strides), .padding = padding, .dilation = lengths_of(dilation_rate)};
}

Shape Conv2D::output_shape(const Shape& input) const {
  Window2D window{lengths_of(kernel_size), lengths_of(strides), padding, lengths_of(dilation_rate)};
  WindowGeometry geometry = lay_window(name.c_str(), input.batch_of(1), window);
  return {geometry.output[0], geometry.output[1], filters};
}

void Conv2D::build(const Shape& input, Weights& weights) {
  int64_t area = kernel_size.height * kernel_size.width, channels = input[-1];
  weights.add(kernel, "kernel", {filters, kernel_size.height, kernel_size.width, channels},
              Initializer::glorot_uniform(area * channels, area * filters));
  if (use_bias) weights.add(bias, "bias", {filters}, Initializer::zeros());
}

}  // namespace manul
