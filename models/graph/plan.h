#pragma once

#include "manul/models/graph/fusion.h"

namespace manul {

/// Runs a graph whose layers are built.
class Plan {
 public:
  Plan(const Graph& graph, const Fusion& fusion);

  /// Computes the value of a dense, without activation, from its input.
  using LastDense = std::function<Tensor(const Dense& dense, const Tensor& x)>;

  /// The values of the graph's outputs for a batch. `without_activation`: of the last activation
  /// (output_activation()), that is, logits. `last_dense`, if given, is called in place of the last step
  /// where that is a dense behind the only output.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallContext& context,
                          bool without_activation = false, const LastDense& last_dense = {}) const;
  /// What the only output ends with, if it can be left out; otherwise linear.
  Activation output_activation() const { return output_activation_; }

 private:
  std::vector<PlanStep> steps_;
  std::vector<std::vector<int>> last_uses_;  // by step: the nodes that no later step reads
  std::vector<int> inputs_, outputs_;
  size_t nodes_;
  Activation output_activation_ = Activation::linear;
};

}  // namespace manul
