#pragma once

#include "manul/models/graph/fusion.h"

namespace manul {

/// Runs a graph whose layers are built.
class Plan {
 public:
  /// `graph`: without nested ones, as Graph::flat() gives it.
  Plan(const Graph& graph, const Fusion& fusion);

  /// Computes the value of a dense, without activation, from its input.
  using LastDense = std::function<Tensor(const Dense& dense, const Tensor& x)>;

  /// The values of the graph's outputs for a batch. `without_activation` says for each output (empty: for
  /// none) whether its last activation (output_activation()) is left out, that is, whether it is logits.
  /// `last_dense`, if given, is called in place of the last step where that is a dense in f32 behind the only
  /// output. A step's inputs and weights are cast to what its layers compute in; the outputs are f32 again.
  /// Regularizers of activities add to context.losses. `masks`, if given: those of the outputs, undefined
  /// where one has none.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallContext& context,
                          const std::vector<bool>& without_activation = {}, const LastDense& last_dense = {},
                          std::vector<Tensor>* masks = nullptr) const;
  /// An output has a mask.
  bool gives_masks() const;
  /// What an output ends with, if it can be left out: linear where nothing can, or where the output is used
  /// inside the graph as well.
  Activation output_activation(size_t output) const { return output_activations_[output]; }
  /// A layer is called as in training whatever the model does: it may draw in prediction too.
  bool always_trains() const { return always_trains_; }
  /// Calls may add to CallContext::losses.
  bool adds_losses() const { return adds_losses_; }

 private:
  std::vector<PlanStep> steps_;
  std::vector<std::vector<int>> last_uses_;  // by step: the nodes that no later step reads
  std::vector<int> inputs_, outputs_;
  std::vector<bool> masked_;  // by node: see masked_nodes()
  size_t nodes_;
  std::vector<int> output_at_;  // by step: which output it computes for no other use, or -1
  std::vector<Activation> output_activations_;
  bool always_trains_ = false, adds_losses_ = false;
};

}  // namespace manul
