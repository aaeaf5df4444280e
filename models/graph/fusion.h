#pragma once

#include <functional>

#include "manul/layers/layers.h"
#include "manul/models/graph/graph.h"

namespace manul {

/// Which neighbours a model runs as one op. Each gives the same numbers within rounding when it is off.
struct Fusion {
  bool conv_relu_pool = true;        // Conv2D, relu, MaxPooling2D
  bool zero_padding = true;          // ZeroPadding2D and the convolution or MaxPooling2D behind it
  bool concatenation = true;         // a Concatenate along the channels and the Conv2D behind it
  bool dense_activation = true;      // Dense and its activation
  bool normalization_tail = true;    // BatchNormalization, an Add of two, an activation
  bool folded_normalization = true;  // in prediction: the same into the weights of the layer before it
  bool convolution_tail = true;      // in prediction: Conv2D, an Add of two, an activation
  bool loss_from_logits =
      true;  // final sigmoid or softmax, the crossentropy that belongs to it, and a small Dense
};

/// What a graph is run for: `anything` includes training and gradients.
enum class Purpose { anything, prediction };

class FoldedWeights;

/// How the nodes of a graph are run: one call after the other, some of several nodes at once.
struct PlanStep {
  using Call = std::function<Tensor(const std::vector<Tensor>& inputs, const CallContext& context)>;
  std::vector<int> inputs;  // nodes
  int output = 0;           // the last node that the step computes
  Call call;
  Activation activation = Activation::linear;  // what `call` ends with
  Call call_without_activation;                // empty if `call` cannot leave it out
  const Dense* dense = nullptr;                // the layer, if the step is a Dense that may run with the loss
  /// In place of `call` where a call has several values: those of nodes output, output + 1, ..
  std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs, const CallContext& context)> call_all =
      {};
  std::shared_ptr<const Regularizer> activity_regularizer = {};  // of the values; null: none
  DTypePolicy dtype_policy = DTypePolicy::float32;               // of all layers of the step
  bool autocasts = true;                                         // its inputs
  /// Of a layer that gives its outputs a mask: computes it.
  std::function<Tensor(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks)> mask = {};
  bool has_masked_input = false;
  bool adds_losses = false;                    // calls may add to CallContext::losses
  std::shared_ptr<FoldedWeights> folded = {};  // of the normalization in the step, if that is folded
};

/// Which values of a graph have a mask, where these of its inputs have one (empty: none); see
/// Layer::gives_mask().
std::vector<bool> masked_nodes(const Graph& graph, const std::vector<bool>& masked_inputs = {});

/// The steps of a graph without nested ones, each after those it needs. Layers whose input has a mask are
/// called one by one.
std::vector<PlanStep> plan_steps(const Graph& graph, const Fusion& fusion,
                                 Purpose purpose = Purpose::anything);

}  // namespace manul
