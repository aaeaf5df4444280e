#pragma once

#include <algorithm>
#include <optional>

#include "manul/models/graph/fusion.h"

// What the patterns of neighbours that are run as one op are written with.
namespace manul {

/// A graph with what the patterns ask of it.
class Matcher {
 public:
  explicit Matcher(const Graph& graph)
      : graph_(graph), uses_(graph.nodes().size()), masked_(masked_nodes(graph)) {
    for (const Graph::Node& node : graph.nodes())
      for (int input : node.inputs) ++uses_[input];
    // Never to be hidden inside a fused op.
    for (int output : graph.outputs()) uses_[output] += 2;
    for (size_t node = 0; node < uses_.size(); ++node)
      if (called(static_cast<int>(node)).activity_regularizer()) uses_[node] += 2;
  }

  const std::vector<int>& inputs(int node) const { return graph_.nodes()[node].inputs; }
  /// The layer called at `node` if it is one of these.
  template <LayerOptions Options>
  const Options* layer(int node) const {
    return options_of<Options>(called(node));
  }
  /// The activation called at `node` if the layer is nothing else.
  std::optional<Activation> activation(int node) const { return called(node).as_activation(); }
  /// The node that alone feeds `node`, feeds nothing else and computes in the same dtype, or -1.
  int only_producer(int node) const {
    bool is_alone = inputs(node).size() == 1 && feeds_one(inputs(node)[0]);
    return is_alone && policy(inputs(node)[0]) == policy(node) ? inputs(node)[0] : -1;
  }
  DTypePolicy policy(int node) const { return called(node).dtype_policy(); }
  /// Whether the value of `node` is an input once, and no output.
  bool feeds_one(int node) const { return uses_[node] == 1; }
  const Shape& shape(int node) const { return graph_.nodes()[node].shape; }
  bool is_masked(int node) const { return masked_[node]; }
  bool has_masked_input(int node) const {
    return std::any_of(inputs(node).begin(), inputs(node).end(), [&](int input) { return masked_[input]; });
  }
  /// In training or inference whatever the model does, if the call at `node` says so.
  std::optional<bool> training(int node) const { return graph_.nodes()[node].training; }

 private:
  const Layer& called(int node) const { return *graph_.layers()[graph_.nodes()[node].layer]; }

  const Graph& graph_;
  std::vector<int> uses_;
  std::vector<bool> masked_;
};

struct Match {
  std::vector<int> nodes;  // computed by the step, the last one first
  PlanStep step;
};

/// Looks whether the nodes that end at `node` are what a fused op computes.
using Pattern = std::optional<Match> (*)(const Matcher& matcher, int node);

/// BatchNormalization with what may follow it: an Add with something of its shape, an activation.
struct NormalizationMatch {
  std::vector<int> nodes;  // the last one first, without the normalization
  int normalized = -1;     // the normalization
  int addend = -1;
  Activation activation = Activation::linear;
};
/// What ends at `node`, with an activation for which `allows`.
std::optional<NormalizationMatch> match_normalization(const Matcher& matcher, int node,
                                                      bool (*allows)(Activation));

/// The ZeroPadding2D that alone feeds `node` and feeds nothing else, or null.
const ZeroPadding2D* only_padding(const Matcher& matcher, int node);

/// Of prediction, see folding.cpp: Conv2D, an Add of two, an activation; the same behind a normalization that
/// is folded into the layer before it, and with a ZeroPadding2D in front.
std::optional<Match> convolution_tail_pattern(const Matcher& matcher, int node);
std::optional<Match> folded_pattern(const Matcher& matcher, int node);
std::optional<Match> folded_padded_pattern(const Matcher& matcher, int node);

}  // namespace manul
