#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "manul/layers/layer.h"

namespace manul {

struct GraphState;

/// The value at a node of a graph under construction: what Keras calls a symbolic tensor.
struct Symbol {
  int node = -1;
  std::shared_ptr<const GraphState> graph = {};  // whose value it is
};

/// One value of a graph: an input, or an output of one call of a layer. The values of a call with several
/// stand side by side.
struct GraphNode {
  int layer;                          // of layers()
  std::vector<int> inputs;            // of nodes(), all before this one; empty for an input
  Shape shape;                        // of the value, without the batch axis
  std::optional<bool> training = {};  // Keras' argument of the call, which goes before the context's
  int output = 0;                     // which of the call's values
};

/// What a Graph holds; see there.
struct GraphState {
  std::vector<LayerPtr> layers;
  std::vector<GraphNode> nodes;
  std::vector<int> inputs, outputs;
  std::string name = "model";
  bool sequential = false;
  std::unordered_map<const Layer*, int> places;         // of layers
  std::unordered_map<std::string, const Layer*> names;  // of layers, when they were added
  std::unordered_map<std::string, int> name_counts;
};

/// A model's layers and how they are connected: several inputs, skips, branches, shared layers and other
/// graphs as layers. It is what is built, run, summarised and written to a file; there is no other
/// description. A copy has the same layers.
///
///     Graph graph;
///     Symbol x = graph.input({32, 32, 3});
///     Symbol y = graph.apply(Conv2D{.filters = 16, .kernel_size = 3, .padding = Padding::same}, x);
///     graph.set_outputs({graph.apply(Add{}, {x, y})});
class Graph {
 public:
  using Node = GraphNode;

  Graph() : state_(std::make_shared<GraphState>()) {}
  /// The part of a graph between these of its values: the same layers, which share their parameters. What is
  /// an input here and was computed there becomes an input of that shape. Throws if an output does not follow
  /// from the inputs.
  Graph(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs);
  Graph(const Graph& other) : state_(std::make_shared<GraphState>(other.state())) {}
  Graph(Graph&&) noexcept = default;
  Graph& operator=(const Graph& other) { return *this = Graph(other); }
  Graph& operator=(Graph&&) noexcept = default;
  ~Graph() = default;

  /// A new input; `name` as Keras gives it if empty.
  Symbol input(const Shape& sample_shape, std::string name = {});
  /// Calls `layer` (or a Model), which may have been called before (shared parameters). Gives it a name if it
  /// has none. Throws if the shapes do not fit, another layer has its name, or an input is a value of another
  /// graph; the graph is then as it was.
  /// `training`: called as in training or as in inference whatever the model does, as Keras' layer(x,
  /// training=False).
  Symbol apply(const LayerPtr& layer, const std::vector<Symbol>& inputs, std::optional<bool> training = {});
  Symbol apply(const LayerPtr& layer, const Symbol& input, std::optional<bool> training = {}) {
    return apply(layer, std::vector<Symbol>{input}, training);
  }
  /// The same of a layer with any number of outputs.
  std::vector<Symbol> apply_all(const LayerPtr& layer, const std::vector<Symbol>& inputs,
                                std::optional<bool> training = {});
  void set_outputs(const std::vector<Symbol>& outputs);

  const std::vector<LayerPtr>& layers() const {
    return state().layers;
  }                                                                  // in order of first call, inputs too
  const std::vector<Node>& nodes() const { return state().nodes; }   // every node after its inputs
  const std::vector<int>& inputs() const { return state().inputs; }  // nodes, in order of declaration
  const std::vector<int>& outputs() const { return state().outputs; }
  const Shape& shape(const Symbol& symbol) const { return nodes().at(symbol.node).shape; }
  Symbol symbol(int node) const { return {node, state_}; }
  std::vector<Symbol> symbols(const std::vector<int>& nodes) const;
  /// How many values the call has whose first is `node`.
  int outputs_of_call(int node) const;

  /// The graph with the nested ones laid out in it: what is run.
  Graph flat() const;
  /// What a graph without nested ones computes in inference: layers that then are their input (Dropout) are
  /// left out.
  Graph for_inference() const;
  /// All layers, where those of a nested graph stand in its place.
  std::vector<LayerPtr> leaf_layers() const;

  /// Keras' class of model: one chain from one input.
  bool is_sequential() const { return state().sequential; }
  void set_sequential(bool sequential) { mutable_state().sequential = sequential; }
  /// "sequential" or "model" unless set.
  const std::string& name() const { return state().name; }
  void set_name(std::string name) { mutable_state().name = std::move(name); }
  /// Gives a layer another name.
  void rename(Layer& layer, const std::string& name);
  /// Takes back the last call.
  void remove_last_call();

 private:
  friend class GraphLayout;
  const GraphState& state() const;
  GraphState& mutable_state();
  std::vector<Symbol> add_call(const LayerPtr& layer, const std::vector<Symbol>& inputs,
                               std::optional<bool> training, bool only_one);
  int checked(const Symbol& symbol, const std::string& what) const;
  std::string free_name(const Layer& layer);
  int enter(const LayerPtr& layer);

  std::shared_ptr<GraphState> state_;
};

}  // namespace manul
