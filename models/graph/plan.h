#pragma once

#include "manul/models/graph/segments.h"

namespace manul {

/// What a run of a plan does besides.
struct PlanRun {
  /// Computes the value of a dense, without activation, from its input.
  using LastDense = std::function<Tensor(const Dense& dense, const Tensor& x)>;

  /// For each output (empty: for none), whether its last activation (Plan::output_activation()) is left out,
  /// that is, whether it is logits.
  std::vector<bool> without_activation = {};
  /// Called in place of the last step where that is a dense in f32 behind the only output.
  LastDense last_dense = {};
  /// Gets those of the outputs, undefined where one has none. Null: nobody asks.
  std::vector<Tensor>* masks = nullptr;
  /// Weights in the dtype of the layers' policy, for several runs. Null: they are cast for this one.
  AutocastScope::Casts* casts = nullptr;
};

/// Runs a graph whose layers are built.
class Plan {
 public:
  /// `graph`: without nested ones, as Graph::flat() gives it.
  /// `checkpoint`: steps of training keep for the gradients what crosses the borders of plan_segments()
  /// alone, and compute the rest again.
  Plan(const Graph& graph, const Fusion& fusion, Purpose purpose = Purpose::anything,
       bool checkpoint = false);

  /// The values of the graph's outputs for a batch. A step's inputs and weights are cast to what its layers
  /// compute in; the outputs are f32 again. Regularizers of activities add to context.losses.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallContext& context,
                          const PlanRun& options = {}) const;
  /// Computes the weights that normalizations were folded into, from the layers' of now: before the first
  /// run, and when they have changed.
  void fold() const;
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
  struct Values {
    std::vector<Tensor> tensors, masks;  // by node
  };
  void run_steps(size_t begin, size_t end, Values& values, const CallContext& context, const PlanRun& options,
                 AutocastScope& autocast) const;
  void run_again_later(const PlanSegment& segment, Values& values, const CallContext& context,
                       const PlanRun& options) const;

  std::vector<PlanStep> steps_;
  std::vector<PlanSegment> segments_;        // with checkpoints
  std::vector<std::vector<int>> last_uses_;  // by step: the nodes that no later step reads
  std::vector<int> inputs_, outputs_;
  std::vector<bool> masked_;  // by node: see masked_nodes()
  size_t nodes_;
  std::vector<int> output_at_;  // by step: which output it computes for no other use, or -1
  std::vector<Activation> output_activations_;
  bool always_trains_ = false, adds_losses_ = false;
};

}  // namespace manul
