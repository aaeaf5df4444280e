#include "manul/layers/merge.h"

#include "manul/framework/error.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

class AddLayer : public Layer {
 public:
  explicit AddLayer(const Add& options) : Layer(options.name, true) {}

  std::string class_name() const override { return "Add"; }
  Shape output_shape(const std::vector<Shape>& inputs) const override {
    check(inputs.size() >= 2, "{}: an Add takes at least two inputs, not {}", name(), inputs.size());
    for (const Shape& input : inputs)
      check(input == inputs[0], "{}: an Add takes inputs of one shape, not {} and {}", name(), inputs[0],
            input);
    return inputs[0];
  }
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& /*context*/) const override {
    Tensor sum = inputs.at(0);
    for (size_t i = 1; i < inputs.size(); ++i) sum = add(sum, inputs[i]);
    return sum;
  }
};

}  // namespace

Add::operator LayerPtr() const {
  return std::make_shared<AddLayer>(*this);
}
LayerPtr Add::from_config(const Config& config) {
  return Add{config.get("name", "")};
}

}  // namespace manul
