#include "manul/layers/conv2d.h"

#include "manul/framework/error.h"
#include "manul/layers/activation.h"
#include "manul/layers/config/options.h"

namespace manul {
Conv2D::operator LayerPtr() const {
  return std::make_shared<Conv2DLayer>(*this);
}

LayerPtr Conv2D::from_config(const Config& config) {
  options::require(config, "data_format", "channels_last");
  options::require(config, "groups", 1);
  LayerPtr layer = Conv2D{.filters = config.at("filters").as_int(),
                          .kernel_size = options::read_size(config, "kernel_size", 1),
                          .strides = options::read_size(config, "strides", 1),
                          .padding = options::read_padding(config),
                          .dilation_rate = options::read_size(config, "dilation_rate", 1),
                          .activation = read_activation(config),
                          .use_bias = config.get("use_bias", true),
                          .name = config.get("name", ""),
                          .trainable = config.get("trainable", true)};
  layer->set_untrained_options(options::keep_untrained(config, options::kernel_and_bias_keys));
  return layer;
}

Conv2DLayer::Conv2DLayer(const Conv2D& options) : Layer(options.name, options.trainable), options_(options) {
  check(options.filters > 0, "Conv2D: filters must be at least 1, not {}", options.filters);
}

Conv2DOptions Conv2DLayer::op_options() const {
  return {.strides = options::pair(options_.strides),
          .padding = options_.padding,
          .dilation = options::pair(options_.dilation_rate)};
}

Shape Conv2DLayer::output_shape(const std::vector<Shape>& inputs) const {
  Window2D window{options::pair(options_.kernel_size), options::pair(options_.strides), options_.padding,
                  options::pair(options_.dilation_rate)};
  WindowGeometry geometry = lay_window(name().c_str(), only_input(inputs, 3).batch_of(1), window);
  return {geometry.output[0], geometry.output[1], options_.filters};
}

void Conv2DLayer::make_parameters(const std::vector<Shape>& inputs, ParameterSet& parameters) {
  int64_t area = options_.kernel_size.height * options_.kernel_size.width, channels = inputs[0][-1];
  kernel_ =
      &add_parameter(parameters, "kernel",
                     {options_.filters, options_.kernel_size.height, options_.kernel_size.width, channels},
                     Initializer::glorot_uniform(area * channels, area * options_.filters));
  if (options_.use_bias) bias_ = &add_parameter(parameters, "bias", {options_.filters}, Initializer::zeros());
}

Tensor Conv2DLayer::call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const {
  return activate(conv2d(inputs.at(0), kernel(), bias(), op_options()), options_.activation);
}

Config Conv2DLayer::options_config() const {
  return Config::map({{"filters", options_.filters},
                      {"kernel_size", options::config_of(options_.kernel_size)},
                      {"strides", options::config_of(options_.strides)},
                      {"padding", options::config_of(options_.padding)},
                      {"data_format", "channels_last"},
                      {"dilation_rate", options::config_of(options_.dilation_rate)},
                      {"groups", 1},
                      {"activation", name_of(options_.activation)},
                      {"use_bias", options_.use_bias},
                      {"kernel_initializer", options::glorot_uniform()},
                      {"bias_initializer", options::zeros()},
                      {"kernel_regularizer", nullptr},
                      {"bias_regularizer", nullptr},
                      {"activity_regularizer", nullptr},
                      {"kernel_constraint", nullptr},
                      {"bias_constraint", nullptr}});
}

}  // namespace manul
