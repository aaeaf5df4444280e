#include "manul/tools/support/replaced_output.h"

#include <algorithm>
#include <set>

#include "manul/framework/error.h"
#include "manul/layers/layers.h"

namespace manul {

Model with_output(const Model& model, int64_t units, Activation activation) {
  const Graph& graph = model.graph();
  if (graph.outputs().size() != 1)
    fail(ErrorKind::usage, "model: the network has {} outputs, one is wanted", graph.outputs().size());
  int node = graph.outputs()[0];
  auto layer_at = [&](int at) -> const Layer& { return *graph.layers()[graph.nodes()[at].layer]; };
  while (layer_at(node).parameters().empty() && graph.nodes()[node].inputs.size() == 1 &&
         (layer_at(node).as_activation() || layer_at(node).class_name() == "Softmax"))
    node = graph.nodes()[node].inputs[0];
  const Layer& last = layer_at(node);
  if (last.class_name() != "Dense" || graph.nodes()[node].shape.rank() != 1)
    fail(ErrorKind::usage,
         "model: the network ends with {} ({}), and a Dense layer that gives one number a "
         "class is wanted",
         last.name(), last.class_name());
  std::string name = last.name();
  Graph part(graph.symbols(graph.inputs()), {graph.symbol(graph.nodes()[node].inputs[0])});
  LayerPtr dense = Dense{.units = units, .activation = activation, .name = name};
  Symbol output = part.apply(dense, part.symbol(part.outputs()[0]));
  part.set_outputs({output});
  part.set_sequential(graph.is_sequential());
  part.set_name(graph.name());
  return Model(std::move(part));
}

bool scales_pixels(const Graph& graph) {
  std::set<int> raw(graph.inputs().begin(), graph.inputs().end());  // nodes whose values are pixels still
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Graph::Node& node = graph.nodes()[i];
    const Layer& layer = *graph.layers()[node.layer];
    bool takes_raw =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](int input) { return raw.contains(input); });
    if (!takes_raw) continue;
    if (std::string name = layer.class_name(); name == "Rescaling" || name == "Normalization") return true;
    if (layer.parameters().empty()) raw.insert(static_cast<int>(i));
  }
  return false;
}

}  // namespace manul
