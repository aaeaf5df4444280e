#include "manul/models/graph/graph.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/layers/core.h"

namespace manul {

Symbol Graph::input(const Shape& sample_shape, std::string name) {
  if (name.empty()) name = fmt::format("input_{}", inputs_.size() + 1);  // Keras counts these from 1
  Symbol symbol = apply(InputLayer{sample_shape, std::move(name)}, std::vector<Symbol>{});
  inputs_.push_back(symbol.node);
  return symbol;
}

Symbol Graph::apply(const LayerPtr& layer, const std::vector<Symbol>& inputs, std::optional<bool> training) {
  Node node{0, {}, {}, training};
  std::vector<Shape> shapes;
  for (Symbol input : inputs) {
    check(input.node >= 0 && input.node < static_cast<int>(nodes_.size()),
          "{}: an input is not a value of this graph", layer->class_name());
    node.inputs.push_back(input.node);
    shapes.push_back(shape(input));
  }
  auto known = std::find(layers_.begin(), layers_.end(), layer);
  if (known == layers_.end()) name_layer(*layer);
  node.shape = layer->output_shape(shapes);
  node.layer = static_cast<int>(known - layers_.begin());
  if (known == layers_.end()) layers_.push_back(layer);
  nodes_.push_back(std::move(node));
  return {static_cast<int>(nodes_.size()) - 1};
}

void Graph::set_outputs(const std::vector<Symbol>& outputs) {
  check(!outputs.empty(), "graph: a model needs an output");
  outputs_.clear();
  for (Symbol output : outputs) {
    check(output.node >= 0 && output.node < static_cast<int>(nodes_.size()),
          "graph: an output is not a value of this graph");
    outputs_.push_back(output.node);
  }
}

void Graph::name_layer(Layer& layer) {
  auto is_taken = [&](const std::string& name) {
    return std::any_of(layers_.begin(), layers_.end(),
                       [&](const LayerPtr& other) { return other->name() == name; });
  };
  if (!layer.name().empty()) {
    check(!is_taken(layer.name()), "graph: two layers are called {}", layer.name());
    return;
  }
  std::string base = snake_case(layer.class_name()), name;
  do {
    int count = name_counts_[base]++;
    name = count == 0 ? base : fmt::format("{}_{}", base, count);
  } while (is_taken(name));
  layer.set_name(name);
}

}  // namespace manul
