#include "framework/optimizer.h"

#include "framework/error.h"

namespace manul {

void Optimizer::attach(ParameterSet& parameters) {
  check(parameters.gradients().defined(), "optimizer: the parameters have no gradients");
  parameters_ = &parameters;
  slots_.clear();
  const Tensor& values = parameters.values();
  for (std::string& name : slot_names())
    slots_.push_back({std::move(name), Tensor::zeros(values.shape(), values.dtype(), values.device())});
}

void Optimizer::update(const DeviceStepState& state, int64_t samples) {
  check(parameters_ != nullptr, "optimizer: update was called before attach");
  parameters_->take_gradients();
  apply(state.tensor(), samples);
}

}  // namespace manul
