#pragma once

#include <map>
#include <optional>

#include "manul/layers/layer.h"

namespace manul {

/// The value at a node of a graph under construction: what Keras calls a symbolic tensor.
struct Symbol {
  int node = -1;
};

/// A model's layers and how they are connected: several inputs, skips, branches and shared layers. It is what
/// is built, run, summarised and written to a file; there is no other description.
///
///     Graph graph;
///     Symbol x = graph.input({32, 32, 3});
///     Symbol y = graph.apply(Conv2D{.filters = 16, .kernel_size = 3, .padding = Padding::same}, x);
///     graph.set_outputs({graph.apply(Add{}, {x, y})});
class Graph {
 public:
  /// One call of a layer.
  struct Node {
    int layer;                          // of layers()
    std::vector<int> inputs;            // of nodes(), all before this one; empty for an input
    Shape shape;                        // of the output, without the batch axis
    std::optional<bool> training = {};  // Keras' argument of the call, which goes before the context's
  };

  /// A new input; `name` as Keras gives it if empty.
  Symbol input(const Shape& sample_shape, std::string name = {});
  /// Calls `layer`, which may have been called before (shared parameters). Gives it a name if it has none.
  /// Throws if the shapes do not fit or another layer has its name.
  /// `training`: called as in training or as in inference whatever the model does, as Keras' layer(x,
  /// training=False).
  Symbol apply(const LayerPtr& layer, const std::vector<Symbol>& inputs, std::optional<bool> training = {});
  Symbol apply(const LayerPtr& layer, Symbol input, std::optional<bool> training = {}) {
    return apply(layer, std::vector<Symbol>{input}, training);
  }
  void set_outputs(const std::vector<Symbol>& outputs);

  const std::vector<LayerPtr>& layers() const { return layers_; }  // in order of first call, inputs included
  const std::vector<Node>& nodes() const { return nodes_; }        // every node after its inputs
  const std::vector<int>& inputs() const { return inputs_; }       // node indices, in order of declaration
  const std::vector<int>& outputs() const { return outputs_; }
  const Shape& shape(Symbol symbol) const { return nodes_.at(symbol.node).shape; }

  /// Keras' class of model: one chain from one input.
  bool is_sequential() const { return sequential_; }
  void set_sequential(bool sequential) { sequential_ = sequential; }
  /// "sequential" or "model" unless set.
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }

 private:
  void name_layer(Layer& layer);

  std::vector<LayerPtr> layers_;
  std::vector<Node> nodes_;
  std::vector<int> inputs_, outputs_;
  std::map<std::string, int> name_counts_;
  std::string name_ = "model";
  bool sequential_ = false;
};

}  // namespace manul
