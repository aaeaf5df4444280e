#include "manul/models/graph/plan.h"

#include <algorithm>

#include "manul/framework/error.h"

namespace manul {

Plan::Plan(const Graph& graph, const Fusion& fusion)
    : steps_(plan_steps(graph, fusion)),
      last_uses_(steps_.size()),
      inputs_(graph.inputs()),
      outputs_(graph.outputs()),
      nodes_(graph.nodes().size()) {
  std::vector<bool> needed_later(nodes_);
  for (int output : outputs_) needed_later[output] = true;
  for (size_t i = steps_.size(); i-- > 0;)
    for (int input : steps_[i].inputs) {
      if (!needed_later[input]) last_uses_[i].push_back(input);
      needed_later[input] = true;
    }
  if (outputs_.size() == 1)
    for (const PlanStep& step : steps_)
      if (step.output == outputs_[0] && step.call_without_activation) output_activation_ = step.activation;
}

std::vector<Tensor> Plan::run(const std::vector<Tensor>& inputs, const CallContext& context,
                              bool without_activation, const LastDense& last_dense) const {
  check(inputs.size() == inputs_.size(), "model: it takes {} inputs, not {}", inputs_.size(), inputs.size());
  std::vector<Tensor> values(nodes_);
  for (size_t i = 0; i < inputs.size(); ++i) values[inputs_[i]] = inputs[i];
  std::vector<Tensor> arguments;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const PlanStep& step = steps_[i];
    arguments.clear();
    for (int input : step.inputs) arguments.push_back(values[input]);
    bool leave_out = without_activation && step.output == outputs_[0] && step.call_without_activation;
    if (last_dense && step.dense && outputs_.size() == 1 && step.output == outputs_[0])
      values[step.output] = last_dense(*step.dense, arguments.at(0));
    else
      values[step.output] = (leave_out ? step.call_without_activation : step.call)(arguments, context);
    for (int done : last_uses_[i]) values[done] = Tensor();
  }
  std::vector<Tensor> results;
  for (int output : outputs_) results.push_back(values[output]);
  return results;
}

}  // namespace manul
