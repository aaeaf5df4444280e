#include "manul/models/graph/plan.h"

#include <algorithm>
#include <span>

#include "manul/framework/error.h"

namespace manul {

Plan::Plan(const Graph& graph, const Fusion& fusion)
    : steps_(plan_steps(graph, fusion)),
      last_uses_(steps_.size()),
      inputs_(graph.inputs()),
      outputs_(graph.outputs()),
      masked_(masked_nodes(graph)),
      nodes_(graph.nodes().size()),
      output_at_(steps_.size(), -1),
      output_activations_(outputs_.size(), Activation::linear) {
  std::vector<int> uses(nodes_);
  for (int output : outputs_) ++uses[output];
  for (size_t i = steps_.size(); i-- > 0;)
    for (int input : steps_[i].inputs)
      if (uses[input]++ == 0) last_uses_[i].push_back(input);
  for (size_t i = 0; i < steps_.size(); ++i) {
    const PlanStep& step = steps_[i];
    auto output = std::find(outputs_.begin(), outputs_.end(), step.output);
    if (output == outputs_.end() || uses[step.output] > 1) continue;
    output_at_[i] = static_cast<int>(output - outputs_.begin());
    if (step.call_without_activation) output_activations_[output_at_[i]] = step.activation;
  }
  for (const Graph::Node& node : graph.nodes()) always_trains_ |= node.training.value_or(false);
  for (const LayerPtr& layer : graph.layers()) adds_losses_ |= layer->adds_losses();
}

namespace {

/// What the values of a step add to the loss, as Keras has it: per sample.
void add_activity_losses(const PlanStep& step, std::span<const Tensor> values, bool is_logits,
                         std::vector<Tensor>& losses) {
  for (const Tensor& computed : values) {
    Tensor value = cast(computed, compute_dtype(computed.dtype()));
    Tensor activity = is_logits ? activate(value, step.activation) : value;
    losses.push_back(
        scale(step.activity_regularizer->penalty(activity), 1.0 / static_cast<double>(value.shape()[0])));
  }
}

}  // namespace

bool Plan::gives_masks() const {
  return std::any_of(outputs_.begin(), outputs_.end(), [this](int output) { return masked_[output]; });
}

std::vector<Tensor> Plan::run(const std::vector<Tensor>& inputs, const CallContext& context,
                              const std::vector<bool>& without_activation, const LastDense& last_dense,
                              std::vector<Tensor>* masks) const {
  check(inputs.size() == inputs_.size(), "model: it takes {} inputs, not {}", inputs_.size(), inputs.size());
  std::vector<Tensor> values(nodes_);
  for (size_t i = 0; i < inputs.size(); ++i) values[inputs_[i]] = inputs[i];
  std::vector<Tensor> arguments, argument_masks, value_masks(nodes_);
  CallContext masked_context = context;
  AutocastScope autocast;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const PlanStep& step = steps_[i];
    arguments.clear();
    autocast.set_policy(step.dtype_policy);
    for (int input : step.inputs)
      arguments.push_back(step.autocasts ? autocast.cast_input(values[input]) : values[input]);
    if (step.mask || step.has_masked_input) {
      argument_masks.clear();
      for (int input : step.inputs) argument_masks.push_back(value_masks[input]);
    }
    masked_context.masks = step.has_masked_input ? &argument_masks : nullptr;
    int output = output_at_[i];
    bool leave_out = output >= 0 && !without_activation.empty() && without_activation[output] &&
                     step.call_without_activation;
    size_t count = 1;
    if (step.call_all) {
      std::vector<Tensor> all = step.call_all(arguments, masked_context);
      count = all.size();
      for (size_t k = 0; k < all.size(); ++k) values[static_cast<size_t>(step.output) + k] = all[k];
    } else if (last_dense && step.dense && step.dtype_policy == DTypePolicy::float32 &&
               outputs_.size() == 1 && output == 0)
      values[step.output] = last_dense(*step.dense, arguments.at(0));
    else
      values[step.output] = (leave_out ? step.call_without_activation : step.call)(arguments, masked_context);
    if (step.activity_regularizer && context.losses) {
      std::span<const Tensor> outputs = std::span(values).subspan(static_cast<size_t>(step.output), count);
      add_activity_losses(step, outputs, leave_out, *context.losses);
    }
    if (step.mask) {
      Tensor mask = step.mask(arguments, argument_masks);
      for (size_t k = 0; k < count; ++k) value_masks[static_cast<size_t>(step.output) + k] = mask;
    }
    for (int done : last_uses_[i]) values[done] = value_masks[done] = Tensor();
  }
  std::vector<Tensor> results;
  for (int output : outputs_) results.push_back(cast(values[output], compute_dtype(values[output].dtype())));
  if (masks)
    for (int output : outputs_) masks->push_back(value_masks[output]);
  return results;
}

}  // namespace manul
