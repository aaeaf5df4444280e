#include "manul/framework/optimizer.h"

#include "manul/framework/cpu/take_range.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

/// While it lives, the parameters' gradients may be handed to `update` as they are made.
class Takers {
 public:
  Takers(ParameterSet& parameters, const GradientTaker& update) : parameters_(parameters) {
    int64_t size = size_of(parameters.values().dtype());
    for (Parameter& parameter : parameters.all()) {
      Leaf* leaf = parameter.value.leaf();
      if (!leaf) continue;
      int64_t offset = parameter.offset;
      leaf->taker.take = [&update, offset](int64_t first, int64_t count, const void* values) {
        update.take(offset + first, count, values);
      };
      for (const void* buffer : update.buffers)
        leaf->taker.buffers.push_back(static_cast<const std::byte*>(buffer) + offset * size);
    }
  }
  ~Takers() {
    for (Parameter& parameter : parameters_.all())
      if (Leaf* leaf = parameter.value.leaf()) {
        leaf->taker = {};
        leaf->taken = false;
      }
  }
  Takers(const Takers&) = delete;
  Takers& operator=(const Takers&) = delete;

 private:
  ParameterSet& parameters_;
};

}  // namespace

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

void Optimizer::minimize(Tape& tape, const Tensor& loss, const DeviceStepState& state, int64_t samples) {
  check(parameters_ != nullptr, "optimizer: minimize was called before attach");
  if (!parameters_->values().device().is_cpu()) {
    tape.backward(loss);
    return update(state, samples);
  }
  GradientTaker update = range_update(state.tensor());
  Takers takers(*parameters_, update);
  tape.backward(loss);
  parameters_->take_gradients();
  update_the_rest(update);
  advance_step_kernel(state.tensor(), samples);
}

void Optimizer::update_the_rest(const GradientTaker& update) {
  const Tensor& gradients = parameters_->gradients();
  int64_t begin = 0;  // of the stretch that is not updated yet
  auto update_until = [&](int64_t end) {
    cpu::take_range(update, begin, end, gradients.raw(), size_of(gradients.dtype()));
  };
  for (const Parameter& parameter : parameters_->all()) {
    if (!parameter.value.leaf() || !parameter.value.leaf()->taken) continue;
    update_until(parameter.offset);
    begin = parameter.offset + parameter.shape.elements();
  }
  update_until(parameters_->values().elements());
}

}  // namespace manul
