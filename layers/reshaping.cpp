#include "manul/layers/reshaping.h"

#include "manul/framework/error.h"
#include "manul/layers/config/options.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

class InputLayerOp : public Layer {
 public:
  explicit InputLayerOp(const InputLayer& options) : Layer(options.name, true), shape_(options.shape) {}

  std::string class_name() const override { return "InputLayer"; }
  Shape output_shape(const std::vector<Shape>& /*inputs*/) const override { return shape_; }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const override {
    return inputs.at(0);
  }

 private:
  Shape shape_;
};

class FlattenLayer : public Layer {
 public:
  explicit FlattenLayer(const Flatten& options) : Layer(options.name, true) {}

  std::string class_name() const override { return "Flatten"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    return {only_input(inputs).elements()};
  }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const override {
    return flatten(inputs.at(0));
  }

 protected:
  Config options_config() const override { return Config::map({{"data_format", "channels_last"}}); }
};

class RescalingLayer : public Layer {
 public:
  explicit RescalingLayer(const Rescaling& options) : Layer(options.name, true), options_(options) {}

  std::string class_name() const override { return "Rescaling"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override { return only_input(inputs); }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const override {
    return scale(inputs.at(0), options_.scale, options_.offset);
  }

 protected:
  Config options_config() const override {
    return Config::map({{"scale", options_.scale}, {"offset", options_.offset}});
  }

 private:
  Rescaling options_;
};

}  // namespace

InputLayer::operator LayerPtr() const {
  return std::make_shared<InputLayerOp>(*this);
}

Flatten::operator LayerPtr() const {
  return std::make_shared<FlattenLayer>(*this);
}
LayerPtr Flatten::from_config(const Config& config) {
  options::require(config, "data_format", "channels_last");
  return Flatten{config.get("name", "")};
}

Rescaling::operator LayerPtr() const {
  return std::make_shared<RescalingLayer>(*this);
}
LayerPtr Rescaling::from_config(const Config& config) {
  return Rescaling{config.get("scale", 1.0), config.get("offset", 0.0), config.get("name", "")};
}

}  // namespace manul
