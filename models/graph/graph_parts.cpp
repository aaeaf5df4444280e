#include <algorithm>

#include "manul/framework/error.h"
#include "manul/layers/core.h"
#include "manul/models/graph/fusion.h"
#include "manul/models/graph/graph_layer.h"

// Graphs made from graphs: a part of one, and one with the nested ones laid out.
namespace manul {

/// A graph in the making whose layers have their names already.
class GraphLayout {
 public:
  /// Adds a value of a call, or of an input.
  int add(const LayerPtr& layer, GraphNode node) {
    node.layer = graph.enter(layer);
    graph.state_->nodes.push_back(std::move(node));
    return static_cast<int>(graph.state_->nodes.size()) - 1;
  }
  int add_input(const LayerPtr& layer, const Shape& shape) {
    int node = add(layer, {0, {}, shape});
    graph.state_->inputs.push_back(node);
    return node;
  }
  /// Adds all that `from` computes from the values `inputs`; gives its outputs.
  std::vector<int> add_all(const Graph& from, const std::vector<int>& inputs, std::optional<bool> training) {
    std::vector<int> values(from.nodes().size(), -1);
    for (size_t i = 0; i < inputs.size(); ++i) values[from.inputs()[i]] = inputs[i];
    for (size_t i = 0; i < from.nodes().size(); ++i) {
      const GraphNode& node = from.nodes()[i];
      const LayerPtr& layer = from.layers()[node.layer];
      if (node.inputs.empty()) continue;
      // A call's own argument goes before that of the call of the graph around it.
      std::optional<bool> told = node.training ? node.training : training;
      std::vector<int> arguments;
      for (int input : node.inputs) arguments.push_back(values[input]);
      const auto* nested = dynamic_cast<const GraphLayer*>(layer.get());
      if (!nested) {
        values[i] = add(layer, {0, std::move(arguments), node.shape, told, node.output});
      } else if (node.output == 0) {
        std::vector<int> outputs = add_all(nested->graph(), arguments, told);
        std::copy(outputs.begin(), outputs.end(), values.begin() + static_cast<int64_t>(i));
      }
    }
    std::vector<int> outputs;
    for (int output : from.outputs()) outputs.push_back(values[output]);
    return outputs;
  }

  Graph graph;
};

namespace {

bool has_nested(const Graph& graph) {
  return std::any_of(graph.layers().begin(), graph.layers().end(), [](const LayerPtr& layer) {
    return dynamic_cast<const GraphLayer*>(layer.get()) != nullptr;
  });
}

/// Which nodes the outputs need, where a walk back ends at the inputs.
std::vector<bool> needed_nodes(const std::vector<GraphNode>& nodes, const std::vector<int>& inputs,
                               const std::vector<int>& outputs) {
  std::vector<bool> needed(nodes.size()), is_input(nodes.size());
  for (int input : inputs) is_input[input] = true;
  for (int output : outputs) needed[output] = true;
  for (size_t i = nodes.size(); i-- > 0;) {
    if (!needed[i] || is_input[i]) continue;
    for (int input : nodes[i].inputs) needed[input] = true;
    // The values of a call stay together.
    for (size_t k = i - static_cast<size_t>(nodes[i].output); k < nodes.size(); ++k) {
      if (k > i && nodes[k].output != static_cast<int>(k - i) + nodes[i].output) break;
      needed[k] = true;
    }
  }
  return needed;
}

std::vector<int> nodes_of(const std::vector<Symbol>& symbols) {
  std::vector<int> nodes;
  for (const Symbol& symbol : symbols) nodes.push_back(symbol.node);
  return nodes;
}

}  // namespace

Graph::Graph(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs) : Graph() {
  check(!inputs.empty() && !outputs.empty(), "model: it needs an input and an output");
  std::shared_ptr<const GraphState> from = inputs[0].graph;
  for (const std::vector<Symbol>* symbols : {&inputs, &outputs})
    for (const Symbol& symbol : *symbols)
      check(symbol.graph && symbol.graph == from && symbol.node >= 0 &&
                symbol.node < static_cast<int>(from->nodes.size()),
            "model: its inputs and outputs are values of different graphs");
  GraphLayout layout;
  std::vector<int> values(from->nodes.size(), -1);
  for (const Symbol& input : inputs) {
    const GraphNode& node = from->nodes[input.node];
    check(values[input.node] < 0, "model: an input is given twice");
    bool was_input = node.inputs.empty();
    std::string name = fmt::format("input_{}", layout.graph.inputs().size() + 1);
    values[input.node] = layout.add_input(
        was_input ? from->layers[node.layer] : LayerPtr(InputLayer{node.shape, name}), node.shape);
  }
  std::vector<bool> needed = needed_nodes(from->nodes, nodes_of(inputs), nodes_of(outputs));
  for (size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i] || values[i] >= 0) continue;
    GraphNode node = from->nodes[i];
    const LayerPtr& layer = from->layers[node.layer];
    check(!node.inputs.empty(), "model: an output depends on {}, which is not among the inputs",
          layer->name());
    for (int& input : node.inputs) input = values[input];
    values[i] = layout.add(layer, std::move(node));
  }
  *this = std::move(layout.graph);
  for (const Symbol& output : outputs) state_->outputs.push_back(values[output.node]);
}

Graph Graph::flat() const {
  if (!has_nested(*this)) return *this;
  GraphLayout layout;
  std::vector<int> inputs;
  for (int input : this->inputs())
    inputs.push_back(layout.add_input(layers()[nodes()[input].layer], nodes()[input].shape));
  std::vector<int> outputs = layout.add_all(*this, inputs, {});
  layout.graph.state_->outputs = std::move(outputs);
  layout.graph.set_name(name());
  return std::move(layout.graph);
}

Graph Graph::for_inference() const {
  std::vector<bool> masked = masked_nodes(*this);
  GraphLayout layout;
  std::vector<int> values(nodes().size(), -1);
  for (int input : inputs())
    values[input] = layout.add_input(layers()[nodes()[input].layer], nodes()[input].shape);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= 0) continue;
    GraphNode node = nodes()[i];
    const LayerPtr& layer = layers()[node.layer];
    for (int& input : node.inputs) input = values[input];
    bool is_identity = layer->is_identity_in_inference() && !node.training.value_or(false) &&
                       node.inputs.size() == 1 && masked[i] == masked[nodes()[i].inputs[0]];
    values[i] = is_identity ? node.inputs[0] : layout.add(layer, std::move(node));
  }
  for (int output : outputs()) layout.graph.state_->outputs.push_back(values[output]);
  layout.graph.set_name(name());
  return std::move(layout.graph);
}

std::vector<LayerPtr> Graph::leaf_layers() const {
  std::vector<LayerPtr> leaves;
  for (const LayerPtr& layer : layers()) {
    const auto* nested = dynamic_cast<const GraphLayer*>(layer.get());
    std::vector<LayerPtr> inner = nested ? nested->graph().leaf_layers() : std::vector{layer};
    for (LayerPtr& leaf : inner)
      if (std::find(leaves.begin(), leaves.end(), leaf) == leaves.end()) leaves.push_back(std::move(leaf));
  }
  return leaves;
}

}  // namespace manul
