#include <algorithm>
#include <map>

#include "manul/models/graph/graph_layer.h"
#include "manul/models/keras/architecture.h"

namespace manul::keras {
namespace {

/// The order of Keras' Functional.layers: greatest depth first (the outputs have depth 0), layers of one
/// depth as they are met from the outputs on. Keras sorts the layers of a file it reads anew by this rule,
/// and then takes the weights by order, so a writer has to follow it.
class LayerOrder {
 public:
  explicit LayerOrder(const Graph& graph)
      : graph_(graph), met_(graph.layers().size(), -1), layer_depth_(graph.layers().size(), 0) {
    std::vector<bool> done(graph.nodes().size(), false);
    for (int output : graph.outputs()) visit(output, done);
    std::vector<int> node_depth(graph.nodes().size(), 0);
    for (auto node = finished_.rbegin(); node != finished_.rend(); ++node) {
      const Graph::Node& here = graph.nodes()[*node];
      node_depth[*node] = std::max(node_depth[*node], layer_depth_[here.layer]);
      layer_depth_[here.layer] = node_depth[*node];
      for (int input : here.inputs) {
        int& depth = node_depth[first_of_call(input)];
        depth = std::max(depth, node_depth[*node] + 1);
      }
    }
  }

  /// Indices of layers.
  std::vector<int> order() const {
    std::vector<int> layers(graph_.layers().size());
    for (size_t i = 0; i < layers.size(); ++i) layers[i] = static_cast<int>(i);
    std::stable_sort(layers.begin(), layers.end(), [&](int a, int b) {
      return layer_depth_[a] != layer_depth_[b] ? layer_depth_[a] > layer_depth_[b] : met_[a] < met_[b];
    });
    return layers;
  }

 private:
  int first_of_call(int node) const { return node - graph_.nodes()[node].output; }

  /// Depth first, a node after its inputs, with a stack of our own: graphs may be thousands of layers deep.
  void visit(int output, std::vector<bool>& done) {
    struct Step {
      int node;
      size_t next_input;
    };
    std::vector<Step> stack;
    auto enter = [&](int value) {
      int node = first_of_call(value);
      if (done[node]) return;
      int& met = met_[graph_.nodes()[node].layer];
      if (met < 0) met = layers_met_++;
      stack.push_back({node, 0});
    };
    enter(output);
    while (!stack.empty()) {
      const std::vector<int>& inputs = graph_.nodes()[stack.back().node].inputs;
      if (stack.back().next_input < inputs.size()) {
        enter(inputs[stack.back().next_input++]);
        continue;
      }
      int node = stack.back().node;
      stack.pop_back();
      if (!done[node]) finished_.push_back(node);
      done[node] = true;
    }
  }

  const Graph& graph_;
  std::vector<int> met_, layer_depth_;  // by layer
  int layers_met_ = 0;
  std::vector<int> finished_;  // nodes, each after its inputs
};

}  // namespace

std::vector<int> layer_order(const Graph& graph) {
  return LayerOrder(graph).order();
}

std::vector<LayerPtr> ordered_layers(const Graph& graph) {
  std::vector<LayerPtr> layers;
  for (int index : layer_order(graph)) layers.push_back(graph.layers()[index]);
  return layers;
}

std::vector<LayerPtr> leaves_of(const std::vector<SavedLayer>& entries) {
  std::vector<LayerPtr> leaves;
  for (const SavedLayer& entry : entries)
    leaves.insert(leaves.end(), entry.layers.begin(), entry.layers.end());
  return leaves;
}

std::vector<SavedLayer> saved_layers(const Graph& graph) {
  std::vector<SavedLayer> saved;
  for (const LayerPtr& layer : ordered_layers(graph)) {
    SavedLayer entry{layer->name(), {layer}};
    if (const auto* nested = dynamic_cast<const GraphLayer*>(layer.get())) {
      entry.parts = saved_layers(nested->graph());
      entry.layers = leaves_of(entry.parts);
    }
    saved.push_back(std::move(entry));
  }
  return saved;
}

}  // namespace manul::keras
