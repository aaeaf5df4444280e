#include "manul/layers/pooling2d.h"

#include "manul/framework/error.h"
#include "manul/layers/config/options.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

template <class Options>
LayerPtr read_pooling(const Config& config) {
  options::require(config, "data_format", "channels_last");
  Size2D pool = options::read_size(config, "pool_size", 2);
  return Options{.pool_size = pool,
                 .strides = options::read_size(config, "strides", pool),
                 .padding = options::read_padding(config),
                 .name = config.get("name", "")};
}

template <class Options>
LayerPtr make_pooling(Pooling2DLayer::Kind kind, const Options& options) {
  Pool2DOptions op{options::pair(options.pool_size), options::pair(options.strides), options.padding};
  return std::make_shared<Pooling2DLayer>(kind, op, options.name);
}

class GlobalAveragePooling2DLayer : public Layer {
 public:
  explicit GlobalAveragePooling2DLayer(const GlobalAveragePooling2D& options)
      : Layer(options.name, true), keepdims_(options.keepdims) {}

  std::string class_name() const override { return "GlobalAveragePooling2D"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    int64_t channels = only_input(inputs, 3)[-1];
    return keepdims_ ? Shape{1, 1, channels} : Shape{channels};
  }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const override {
    Tensor y = global_average_pool2d(inputs.at(0));
    return keepdims_ ? reshape(y, {y.shape()[0], 1, 1, y.shape()[1]}) : y;
  }

 protected:
  Config options_config() const override {
    return Config::map({{"data_format", "channels_last"}, {"keepdims", keepdims_}});
  }

 private:
  bool keepdims_;
};

}  // namespace

MaxPooling2D::operator LayerPtr() const {
  return make_pooling(Pooling2DLayer::Kind::max, *this);
}
LayerPtr MaxPooling2D::from_config(const Config& config) {
  return read_pooling<MaxPooling2D>(config);
}

AveragePooling2D::operator LayerPtr() const {
  return make_pooling(Pooling2DLayer::Kind::average, *this);
}
LayerPtr AveragePooling2D::from_config(const Config& config) {
  return read_pooling<AveragePooling2D>(config);
}

GlobalAveragePooling2D::operator LayerPtr() const {
  return std::make_shared<GlobalAveragePooling2DLayer>(*this);
}
LayerPtr GlobalAveragePooling2D::from_config(const Config& config) {
  options::require(config, "data_format", "channels_last");
  return GlobalAveragePooling2D{config.get("keepdims", false), config.get("name", "")};
}

Pooling2DLayer::Pooling2DLayer(Kind kind, const Pool2DOptions& options, std::string name)
    : Layer(std::move(name), true), kind_(kind), options_(options) {}

std::string Pooling2DLayer::class_name() const {
  return kind_ == Kind::max ? "MaxPooling2D" : "AveragePooling2D";
}

Shape Pooling2DLayer::output_shape(const std::vector<Shape>& inputs) const {
  const Shape& input = only_input(inputs, 3);
  WindowGeometry geometry = lay_window(name().c_str(), input.batch_of(1), pool_window(options_));
  return {geometry.output[0], geometry.output[1], input[-1]};
}

Tensor Pooling2DLayer::call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const {
  return kind_ == Kind::max ? max_pool2d(inputs.at(0), options_) : average_pool2d(inputs.at(0), options_);
}

Config Pooling2DLayer::options_config() const {
  Window2D window = pool_window(options_);
  return Config::map({{"pool_size", options::config_of(Size2D(window.size[0], window.size[1]))},
                      {"padding", options::config_of(window.padding)},
                      {"strides", options::config_of(Size2D(window.strides[0], window.strides[1]))},
                      {"data_format", "channels_last"}});
}

}  // namespace manul
