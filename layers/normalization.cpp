#include "manul/layers/normalization.h"

#include "manul/framework/error.h"
#include "manul/layers/config/options.h"
#include "manul/ops/normalize/normalize.h"

namespace manul {
namespace {

class BatchNormalizationLayer : public Layer {
 public:
  explicit BatchNormalizationLayer(const BatchNormalization& options)
      : Layer(options.name, options.trainable), options_(options) {}

  std::string class_name() const override { return "BatchNormalization"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    const Shape& input = only_input(inputs);
    check(input.rank() > 0, "{}: a BatchNormalization takes samples of at least one axis", name());
    check(options_.axis == -1 || options_.axis == input.rank(),
          "{}: a BatchNormalization runs over the last axis, not over axis {} of a batch of samples {}",
          name(), options_.axis, input);
    return input;
  }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const override {
    if (context.training && trainable())
      return batch_normalize_training(inputs.at(0), value(gamma_), value(beta_), mean_->value,
                                      variance_->value, options_.epsilon, options_.momentum);
    return batch_normalize_inference(inputs.at(0), value(gamma_), value(beta_), mean_->value,
                                     variance_->value, options_.epsilon);
  }

 protected:
  void make_parameters(const std::vector<Shape>& inputs, ParameterSet& parameters) override {
    Shape channels{inputs[0][-1]};
    if (options_.scale) gamma_ = &add_parameter(parameters, "gamma", channels, Initializer::ones());
    if (options_.center) beta_ = &add_parameter(parameters, "beta", channels, Initializer::zeros());
    mean_ = &add_parameter(parameters, "moving_mean", channels, Initializer::zeros(), true);
    variance_ = &add_parameter(parameters, "moving_variance", channels, Initializer::ones(), true);
  }
  Config options_config() const override {
    return Config::map({{"axis", -1},
                        {"momentum", options_.momentum},
                        {"epsilon", options_.epsilon},
                        {"center", options_.center},
                        {"scale", options_.scale},
                        {"beta_initializer", options::zeros()},
                        {"gamma_initializer", options::ones()},
                        {"moving_mean_initializer", options::zeros()},
                        {"moving_variance_initializer", options::ones()},
                        {"beta_regularizer", nullptr},
                        {"gamma_regularizer", nullptr},
                        {"beta_constraint", nullptr},
                        {"gamma_constraint", nullptr}});
  }

 private:
  static Tensor value(const Parameter* parameter) { return parameter ? parameter->value : Tensor(); }

  BatchNormalization options_;
  Parameter *gamma_ = nullptr, *beta_ = nullptr, *mean_ = nullptr, *variance_ = nullptr;
};

/// The option axis, which Keras writes as an integer or as a list of one.
int64_t read_axis(const Config& config) {
  const Config* axis = config.find("axis");
  if (axis && axis->is_list() && axis->as_list().size() == 1) return axis->as_list()[0].as_int();
  return config.get("axis", int64_t{-1});
}

}  // namespace

BatchNormalization::operator LayerPtr() const {
  return std::make_shared<BatchNormalizationLayer>(*this);
}

LayerPtr BatchNormalization::from_config(const Config& config) {
  LayerPtr layer = BatchNormalization{.momentum = config.get("momentum", 0.99),
                                      .epsilon = config.get("epsilon", 0.001),
                                      .center = config.get("center", true),
                                      .scale = config.get("scale", true),
                                      .axis = read_axis(config),
                                      .name = config.get("name", ""),
                                      .trainable = config.get("trainable", true)};
  layer->set_untrained_options(options::keep_untrained(
      config, {"beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"}));
  return layer;
}

}  // namespace manul
