#include "manul/models/graph/graph.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/layers/core.h"

namespace manul {

const GraphState& Graph::state() const {
  check(state_ != nullptr, "model: it was moved from");
  return *state_;
}

GraphState& Graph::mutable_state() {
  check(state_ != nullptr, "model: it was moved from");
  return *state_;
}

Symbol Graph::input(const Shape& sample_shape, std::string name) {
  GraphState& state = mutable_state();
  if (name.empty()) name = fmt::format("input_{}", state.inputs.size() + 1);  // Keras counts these from 1
  Symbol symbol = apply(InputLayer{sample_shape, std::move(name)}, std::vector<Symbol>{});
  state.inputs.push_back(symbol.node);
  return symbol;
}

int Graph::checked(const Symbol& symbol, const std::string& what) const {
  check(!symbol.graph || symbol.graph == state_, "{} is a value of another graph", what);
  check(symbol.node >= 0 && symbol.node < static_cast<int>(nodes().size()) && symbol.graph == state_,
        "{} is not a value of this graph", what);
  return symbol.node;
}

Symbol Graph::apply(const LayerPtr& layer, const std::vector<Symbol>& inputs, std::optional<bool> training) {
  return add_call(layer, inputs, training, true)[0];
}

std::vector<Symbol> Graph::apply_all(const LayerPtr& layer, const std::vector<Symbol>& inputs,
                                     std::optional<bool> training) {
  return add_call(layer, inputs, training, false);
}

std::vector<Symbol> Graph::add_call(const LayerPtr& layer, const std::vector<Symbol>& inputs,
                                    std::optional<bool> training, bool only_one) {
  GraphState& state = mutable_state();
  check(layer != nullptr, "graph: a layer is null");
  GraphNode node{0, {}, {}, training};
  std::vector<Shape> shapes;
  for (const Symbol& input : inputs) {
    node.inputs.push_back(checked(input, layer->class_name() + ": an input"));
    shapes.push_back(shape(input));
  }
  bool is_new = !state.places.contains(layer.get()), had_name = !layer->name().empty();
  if (is_new && had_name) {
    auto other = state.names.find(layer->name());
    check(other == state.names.end() || other->second->name() != layer->name(),
          "graph: two layers are called {}", layer->name());
  }
  auto counts = state.name_counts;
  std::vector<Shape> outputs;
  try {
    if (is_new && !had_name) layer->set_name(free_name(*layer));
    outputs = layer->output_shapes(shapes);
    check(!outputs.empty(), "{}: it has no outputs", layer->name());
    check(!only_one || outputs.size() == 1, "{}: it has {} outputs, not one: take them by apply_all()",
          layer->name(), outputs.size());
  } catch (...) {  // the graph is as it was
    if (!had_name) layer->set_name("");
    state.name_counts = std::move(counts);
    throw;
  }
  node.layer = enter(layer);
  std::vector<Symbol> symbols;
  for (Shape& output : outputs) {
    node.shape = output;
    node.output = static_cast<int>(symbols.size());
    symbols.push_back(symbol(static_cast<int>(state.nodes.size())));
    state.nodes.push_back(node);
  }
  return symbols;
}

/// The place of a layer, which is added if it is new.
int Graph::enter(const LayerPtr& layer) {
  GraphState& state = *state_;
  auto [place, is_new] = state.places.emplace(layer.get(), static_cast<int>(state.layers.size()));
  if (is_new) {
    state.layers.push_back(layer);
    state.names[layer->name()] = layer.get();
  }
  return place->second;
}

std::string Graph::free_name(const Layer& layer) {
  std::string base = layer.default_name(), name;
  do {
    int count = state_->name_counts[base]++;
    name = count == 0 ? base : fmt::format("{}_{}", base, count);
  } while (state_->names.contains(name));
  return name;
}

void Graph::set_outputs(const std::vector<Symbol>& outputs) {
  check(!outputs.empty(), "graph: a model needs an output");
  std::vector<int> nodes;
  for (const Symbol& output : outputs) nodes.push_back(checked(output, "graph: an output"));
  mutable_state().outputs = std::move(nodes);
}

std::vector<Symbol> Graph::symbols(const std::vector<int>& nodes) const {
  std::vector<Symbol> symbols;
  for (int node : nodes) symbols.push_back(symbol(node));
  return symbols;
}

int Graph::outputs_of_call(int node) const {
  int count = 1;
  while (node + count < static_cast<int>(nodes().size()) && nodes()[node + count].output == count) ++count;
  return count;
}

void Graph::rename(Layer& layer, const std::string& name) {
  GraphState& state = mutable_state();
  auto other = state.names.find(name);
  check(other == state.names.end() || other->second == &layer || other->second->name() != name,
        "graph: two layers are called {}", name);
  state.names.erase(layer.name());
  layer.set_name(name);
  state.names[name] = &layer;
}

void Graph::remove_last_call() {
  GraphState& state = mutable_state();
  check(!state.nodes.empty(), "graph: there is no call to take back");
  int layer = state.nodes.back().layer;
  while (state.nodes.back().output > 0) state.nodes.pop_back();
  state.nodes.pop_back();
  bool used = std::any_of(state.nodes.begin(), state.nodes.end(),
                          [&](const GraphNode& node) { return node.layer == layer; });
  if (used || layer + 1 != static_cast<int>(state.layers.size())) return;
  state.names.erase(state.layers.back()->name());
  state.places.erase(state.layers.back().get());
  state.layers.pop_back();
}

}  // namespace manul
