#include "manul/models/graph/inference.h"

#include <algorithm>
#include <optional>

#include "manul/framework/error.h"
#include "manul/framework/step.h"
#include "manul/framework/tape.h"

namespace manul {
namespace {

/// Of the inputs. A longer batch hides the starts of its kernels, and its memory would be kept. 256 pictures
/// of 224 pixels do not: networks of many small layers took no less in bf16 than in TF32.
constexpr size_t most_captured_bytes = size_t{256} << 20;
constexpr size_t most_captured = 4;  // lengths of batches

}  // namespace

/// The run of one length of batch, between tensors that stay where they are.
struct Inference::Captured {
  std::vector<Tensor> inputs, outputs;
  CallContext context;
  std::unique_ptr<TrainStep> step;
  int64_t last_run = 0;
};

Inference::Inference(const Graph& flat, const Fusion& fusion, const ParameterSet& parameters)
    : parameters_(parameters), plan_(flat.for_inference(), fusion, Purpose::prediction) {}
Inference::~Inference() = default;

void Inference::prepare() {
  Version now{parameters_.values().defined() ? parameters_.values().version() : 0,
              parameters_.statistics().defined() ? parameters_.statistics().version() : 0,
              TrainStep::writes()};
  if (times_prepared_ > 0 && now == version_) return;
  Unrecorded unrecorded;
  plan_.fold();
  for (auto& [parameter, cast] : casts_) cast.copy_from(parameter->value.to(cast.dtype()));
  kept_.clear();
  prepared_for_run_ = runs_;
  version_ = now;
  ++times_prepared_;
}

std::vector<Tensor> Inference::run(const std::vector<Tensor>& inputs, const CallContext& context) {
  prepare();
  Unrecorded unrecorded;
  size_t bytes = 0;
  for (const Tensor& input : inputs) bytes += input.bytes();
  bool captures = !eager_ && inputs[0].device().is_cuda() && bytes <= most_captured_bytes;
  if (captures) return run_captured(inputs, context);
  std::optional<cpu::KeptWeights::Scope> scope;
  if (runs_++ > prepared_for_run_) scope.emplace(kept_);  // a single run would pay with memory for nothing
  return plan_.run(inputs, context, {.casts = &casts_});
}

std::vector<Tensor> Inference::run_captured(const std::vector<Tensor>& inputs, const CallContext& context) {
  Captured& captured = captured_for(inputs);
  captured.last_run = ++runs_;
  captured.context = context;
  for (size_t i = 0; i < inputs.size(); ++i) captured.inputs[i].copy_from(inputs[i]);
  try {
    captured.step->run();
  } catch (const Error& error) {
    // A layer of somebody's own may copy to the host, which cannot be captured.
    if (error.kind() != ErrorKind::device) throw;
    eager_ = true;
    captured_.clear();
    return plan_.run(inputs, context, {.casts = &casts_});
  }
  return captured.outputs;
}

Inference::Captured& Inference::captured_for(const std::vector<Tensor>& inputs) {
  std::unique_ptr<Captured>& place = captured_[inputs[0].shape()[0]];
  if (place) return *place;
  place = std::make_unique<Captured>();
  for (const Tensor& input : inputs) place->inputs.push_back(Tensor::empty_like(input));
  Captured* made = place.get();
  made->step = std::make_unique<TrainStep>(
      [this, made] { made->outputs = plan_.run(made->inputs, made->context, {.casts = &casts_}); },
      inputs[0].device());
  if (!plan_.always_trains()) made->step->set_reads_only();
  if (captured_.size() > most_captured) {
    auto oldest = std::min_element(captured_.begin(), captured_.end(), [&](const auto& a, const auto& b) {
      return (a.second.get() == made ? runs_ + 1 : a.second->last_run) <
             (b.second.get() == made ? runs_ + 1 : b.second->last_run);
    });
    captured_.erase(oldest);
  }
  return *made;
}

}  // namespace manul
