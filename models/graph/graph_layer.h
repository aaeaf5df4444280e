#pragma once

#include "manul/models/graph/graph.h"

namespace manul {

/// A graph as a layer of another: a nested model. It stays nested in the description and in files; only what
/// is run has its layers laid out. Models convert to it: `graph.apply(encoder, x)`, `model.add(base)`.
class GraphLayer final : public Layer {
 public:
  /// Takes the graph's name, unless that is the one it has by default.
  explicit GraphLayer(Graph graph);

  const Graph& graph() const { return graph_; }

  std::string class_name() const override { return graph_.is_sequential() ? "Sequential" : "Functional"; }
  std::string default_name() const override { return graph_.name(); }
  /// With effect on all layers in it.
  void set_trainable(bool trainable) override;
  void set_dtype_policy(DTypePolicy policy) override;
  std::vector<Shape> output_shapes(const std::vector<Shape>& inputs) const override;
  void build(const std::vector<Shape>& inputs, ParameterSet& parameters,
             const std::string& scope = {}) override;
  std::vector<Tensor> call(const std::vector<Tensor>& inputs, const CallContext& context) const override;
  bool gives_mask(const std::vector<bool>& masked) const override;
  /// Of all layers in it: those that are trained, then the others, as Keras' files have them.
  std::vector<Parameter*> parameters() const override;

 private:
  Graph graph_;
};

/// Builds every layer of a graph for the inputs of its first call.
void build_layers(const Graph& graph, ParameterSet& parameters, const std::string& scope = {});

}  // namespace manul
