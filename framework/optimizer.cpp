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
  lifetime_ = parameters.lifetime();
  slots_.clear();
  const Tensor& values = attached_values_ = parameters.values();
  for (std::string& name : slot_names())
    slots_.push_back({std::move(name), Tensor::zeros(values.shape(), values.dtype(), values.device())});
}

ParameterSet& Optimizer::parameters() const {
  check(parameters_ != nullptr, "optimizer: it was used before attach");
  check(!lifetime_.expired(), "optimizer: the parameters that it was attached to are gone, with their model");
  check(parameters_->values().raw() == attached_values_.raw(),
        "optimizer: another model that shares these layers has moved their parameters: compile or attach "
        "again");
  return *parameters_;
}

void Optimizer::update(const DeviceStepState& state, int64_t samples) {
  parameters().take_gradients();
  std::vector<ParameterSet::Segment> segments = parameters_->trainable_segments();
  for (size_t i = 0; i < segments.size(); ++i)
    apply(state.tensor(), i + 1 == segments.size() ? samples : not_counted, segments[i]);
  if (segments.empty()) advance_step_kernel(state.tensor(), samples);
}

void Optimizer::minimize(Tape& tape, const Tensor& loss, const DeviceStepState& state, int64_t samples) {
  if (!parameters().values().device().is_cpu()) {
    tape.backward(loss, *parameters_);
    return update(state, samples);
  }
  GradientTaker update = range_update(state.tensor());
  Takers takers(*parameters_, update);
  tape.backward(loss, *parameters_);
  parameters_->take_gradients();
  update_the_rest(update);
  advance_step_kernel(state.tensor(), samples);
}

void Optimizer::update_the_rest(const GradientTaker& update) {
  const Tensor& gradients = parameters_->gradients();
  auto was_not_taken = [](const Parameter& parameter) {
    return parameter.trainable && !(parameter.value.leaf() && parameter.value.leaf()->taken);
  };
  for (ParameterSet::Segment segment : parameters_->segments(was_not_taken))
    cpu::take_range(update, segment.begin, segment.end, gradients.raw(), size_of(gradients.dtype()));
}

}  // namespace manul
