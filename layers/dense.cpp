#include "manul/layers/dense.h"

#include "manul/framework/error.h"
#include "manul/layers/activation.h"
#include "manul/layers/config/options.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
Dense::operator LayerPtr() const {
  return std::make_shared<DenseLayer>(*this);
}

LayerPtr Dense::from_config(const Config& config) {
  LayerPtr layer = Dense{.units = config.at("units").as_int(),
                         .activation = read_activation(config),
                         .use_bias = config.get("use_bias", true),
                         .name = config.get("name", ""),
                         .trainable = config.get("trainable", true)};
  layer->set_untrained_options(options::keep_untrained(config, options::kernel_and_bias_keys));
  return layer;
}

DenseLayer::DenseLayer(const Dense& options) : Layer(options.name, options.trainable), options_(options) {
  check(options.units > 0, "Dense: units must be at least 1, not {}", options.units);
}

Shape DenseLayer::output_shape(const std::vector<Shape>& inputs) const {
  const Shape& input = only_input(inputs);
  check(input.rank() > 0, "{}: a Dense takes samples of at least one axis", name());
  std::vector<int64_t> lengths(input.begin(), input.end());
  lengths.back() = options_.units;
  return Shape(lengths);
}

void DenseLayer::make_parameters(const std::vector<Shape>& inputs, ParameterSet& parameters) {
  int64_t in = inputs[0][-1];
  kernel_ = &add_parameter(parameters, "kernel", {in, options_.units},
                           Initializer::glorot_uniform(in, options_.units));
  if (options_.use_bias) bias_ = &add_parameter(parameters, "bias", {options_.units}, Initializer::zeros());
}

Tensor DenseLayer::call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const {
  return activate(call_fused(inputs.at(0), Activation::linear), options_.activation);
}

Tensor DenseLayer::call_fused(const Tensor& x, Activation activation) const {
  Tensor bias = bias_ ? bias_->value : Tensor();
  if (x.shape().rank() == 2) return dense(x, kernel_->value, bias, activation);
  Tensor y = dense(reshape(x, {x.shape().rows(), x.shape()[-1]}), kernel_->value, bias, activation);
  return reshape(y, output_shape({x.shape().sample()}).batch_of(x.shape()[0]));
}

DenseLoss DenseLayer::call_with_loss(const Tensor& x, Loss loss, const Tensor& labels) const {
  return dense_loss(loss, x, kernel_->value, bias_ ? bias_->value : Tensor(), labels);
}

Config DenseLayer::options_config() const {
  return Config::map({{"units", options_.units},
                      {"activation", name_of(options_.activation)},
                      {"use_bias", options_.use_bias},
                      {"kernel_initializer", options::glorot_uniform()},
                      {"bias_initializer", options::zeros()},
                      {"kernel_regularizer", nullptr},
                      {"bias_regularizer", nullptr},
                      {"kernel_constraint", nullptr},
                      {"bias_constraint", nullptr}});
}

}  // namespace manul
