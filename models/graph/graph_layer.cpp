#include "manul/models/graph/graph_layer.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/models/graph/plan.h"

namespace manul {

GraphLayer::GraphLayer(Graph graph)
    : Layer(graph.name() == "model" || graph.name() == "sequential" ? "" : graph.name(), true),
      graph_(std::move(graph)) {
  check(!graph_.inputs().empty() && !graph_.outputs().empty(), "model: a graph needs an input and an output");
}

void GraphLayer::set_trainable(bool trainable) {
  Layer::set_trainable(trainable);
  for (const LayerPtr& layer : graph_.layers()) layer->set_trainable(trainable);
}

void GraphLayer::set_dtype_policy(DTypePolicy policy) {
  Layer::set_dtype_policy(policy);
  for (const LayerPtr& layer : graph_.layers()) layer->set_dtype_policy(policy);
}

std::vector<Shape> GraphLayer::output_shapes(const std::vector<Shape>& inputs) const {
  check(inputs.size() == graph_.inputs().size(), "{}: the model has {} inputs and is given {}", name(),
        graph_.inputs().size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Shape& wanted = graph_.nodes()[graph_.inputs()[i]].shape;
    check(inputs[i] == wanted, "{}: the model takes samples {}, not {}", name(), wanted, inputs[i]);
  }
  std::vector<Shape> shapes;
  for (int output : graph_.outputs()) shapes.push_back(graph_.nodes()[output].shape);
  return shapes;
}

void GraphLayer::build(const std::vector<Shape>& /*inputs*/, ParameterSet& parameters,
                       const std::string& scope) {
  build_layers(graph_, parameters, scope + name() + "/");
}

std::vector<Tensor> GraphLayer::call(const std::vector<Tensor>& inputs, const CallContext& context) const {
  return Plan(graph_.flat(), {false, false, false}).run(inputs, context);
}

bool GraphLayer::gives_mask(const std::vector<bool>& masked) const {
  std::vector<bool> nodes = masked_nodes(graph_, masked);
  return std::any_of(graph_.outputs().begin(), graph_.outputs().end(), [&](int node) { return nodes[node]; });
}

std::vector<Parameter*> GraphLayer::parameters() const {
  std::vector<Parameter*> trained, kept;
  for (const LayerPtr& layer : graph_.leaf_layers())
    for (Parameter* parameter : layer->parameters())
      (parameter->trainable ? trained : kept).push_back(parameter);
  trained.insert(trained.end(), kept.begin(), kept.end());
  return trained;
}

void build_layers(const Graph& graph, ParameterSet& parameters, const std::string& scope) {
  std::vector<bool> done(graph.layers().size());
  for (const GraphNode& node : graph.nodes()) {
    if (done[node.layer]) continue;
    done[node.layer] = true;
    std::vector<Shape> shapes;
    for (int input : node.inputs) shapes.push_back(graph.nodes()[input].shape);
    graph.layers()[node.layer]->build(shapes, parameters, scope);
  }
}

}  // namespace manul
