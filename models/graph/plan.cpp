#include "manul/models/graph/plan.h"

#include <algorithm>
#include <span>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/models/graph/folding.h"

namespace manul {

Plan::Plan(const Graph& graph, const Fusion& fusion, Purpose purpose, bool checkpoint)
    : steps_(plan_steps(graph, fusion, purpose)),
      segments_(checkpoint ? plan_segments(graph, steps_) : std::vector<PlanSegment>()),
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

void Plan::fold() const {
  for (const PlanStep& step : steps_)
    if (step.folded) step.folded->compute();
}

std::vector<Tensor> Plan::run(const std::vector<Tensor>& inputs, const CallContext& context,
                              const PlanRun& options) const {
  check(inputs.size() == inputs_.size(), "model: it takes {} inputs, not {}", inputs_.size(), inputs.size());
  Values values{std::vector<Tensor>(nodes_), std::vector<Tensor>(nodes_)};
  for (size_t i = 0; i < inputs.size(); ++i) values.tensors[inputs_[i]] = inputs[i];
  AutocastScope::Casts own_casts;
  AutocastScope autocast(options.casts ? *options.casts : own_casts);
  if (!segments_.empty() && context.training && Tape::alive()) {
    for (const PlanSegment& segment : segments_)
      if (segment.is_kept)
        run_steps(segment.begin, segment.end, values, context, options, autocast);
      else
        run_again_later(segment, values, context, options);
  } else {
    run_steps(0, steps_.size(), values, context, options, autocast);
  }
  std::vector<Tensor> results;
  for (int output : outputs_) {
    const Tensor& value = values.tensors[output];
    results.push_back(cast(value, compute_dtype(value.dtype())));
    if (options.masks) options.masks->push_back(values.masks[output]);
  }
  return results;
}

void Plan::run_again_later(const PlanSegment& segment, Values& values, const CallContext& context,
                           const PlanRun& options) const {
  std::vector<Tensor> inputs;
  for (int input : segment.inputs) inputs.push_back(values.tensors[input]);
  PlanRun again{.without_activation = options.without_activation};
  std::vector<Tensor> outputs = checkpoint([this, &segment, inputs, context, again] {
    Values own{std::vector<Tensor>(nodes_), std::vector<Tensor>(nodes_)};
    for (size_t i = 0; i < inputs.size(); ++i) own.tensors[segment.inputs[i]] = inputs[i];
    AutocastScope::Casts casts;
    AutocastScope autocast(casts);
    run_steps(segment.begin, segment.end, own, context, again, autocast);
    std::vector<Tensor> computed;
    for (int output : segment.outputs) computed.push_back(own.tensors[output]);
    return computed;
  });
  for (size_t i = 0; i < outputs.size(); ++i) values.tensors[segment.outputs[i]] = outputs[i];
  for (size_t i = segment.begin; i < segment.end; ++i)
    for (int done : last_uses_[i]) values.tensors[done] = Tensor();
}

void Plan::run_steps(size_t begin, size_t end, Values& values, const CallContext& context,
                     const PlanRun& options, AutocastScope& autocast) const {
  std::vector<Tensor> arguments, argument_masks;
  CallContext masked_context = context;
  for (size_t i = begin; i < end; ++i) {
    const PlanStep& step = steps_[i];
    arguments.clear();
    autocast.set_policy(step.dtype_policy);
    for (int input : step.inputs)
      arguments.push_back(step.autocasts ? autocast.cast_input(values.tensors[input])
                                         : values.tensors[input]);
    if (step.mask || step.has_masked_input) {
      argument_masks.clear();
      for (int input : step.inputs) argument_masks.push_back(values.masks[input]);
    }
    masked_context.masks = step.has_masked_input ? &argument_masks : nullptr;
    int output = output_at_[i];
    bool leave_out = output >= 0 && !options.without_activation.empty() &&
                     options.without_activation[output] && step.call_without_activation;
    size_t count = 1;
    if (step.call_all) {
      std::vector<Tensor> all = step.call_all(arguments, masked_context);
      count = all.size();
      for (size_t k = 0; k < all.size(); ++k) values.tensors[static_cast<size_t>(step.output) + k] = all[k];
    } else if (options.last_dense && step.dense && step.dtype_policy == DTypePolicy::float32 &&
               outputs_.size() == 1 && output == 0)
      values.tensors[step.output] = options.last_dense(*step.dense, arguments.at(0));
    else
      values.tensors[step.output] =
          (leave_out ? step.call_without_activation : step.call)(arguments, masked_context);
    if (step.activity_regularizer && context.losses) {
      std::span<const Tensor> outputs =
          std::span(values.tensors).subspan(static_cast<size_t>(step.output), count);
      add_activity_losses(step, outputs, leave_out, *context.losses);
    }
    if (step.mask) {
      Tensor mask = step.mask(arguments, argument_masks);
      for (size_t k = 0; k < count; ++k) values.masks[static_cast<size_t>(step.output) + k] = mask;
    }
    for (int done : last_uses_[i]) values.tensors[done] = values.masks[done] = Tensor();
  }
}

}  // namespace manul
