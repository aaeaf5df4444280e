#include "manul/layers/dropout.h"

#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/layers/config/options.h"
#include "manul/ops/random/dropout.h"

namespace manul {
namespace {

class DropoutLayer : public Layer {
 public:
  explicit DropoutLayer(const Dropout& options) : Layer(options.name, true), rate_(options.rate) {
    check(rate_ >= 0 && rate_ < 1, "Dropout: the rate is from 0 to below 1, not {}", rate_);
  }

  std::string class_name() const override { return "Dropout"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override { return only_input(inputs); }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const override {
    if (!context.training || rate_ == 0) return inputs.at(0);
    check(context.state != nullptr, "{}: a Dropout in training draws from the state of the step", name());
    return dropout(inputs.at(0), rate_, *context.state, random_key(name().c_str()));
  }

 protected:
  Config options_config() const override {
    return Config::map({{"rate", rate_}, {"noise_shape", nullptr}, {"seed", nullptr}});
  }

 private:
  double rate_;
};

}  // namespace

Dropout::operator LayerPtr() const {
  return std::make_shared<DropoutLayer>(*this);
}
LayerPtr Dropout::from_config(const Config& config) {
  LayerPtr layer = Dropout{config.at("rate").as_double(), config.get("name", "")};
  layer->set_untrained_options(options::keep_untrained(config, {"noise_shape"}));
  return layer;
}

}  // namespace manul
