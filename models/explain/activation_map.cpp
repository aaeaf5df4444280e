#include "manul/models/explain/activation_map.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/models/graph/plan.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce.h"

namespace manul {
namespace {

/// A graph in two parts, cut at one value.
struct Parts {
  Graph before, behind;
  std::string layer;
  bool at_input = false;
};

/// Which values follow from weights.
std::vector<bool> behind_weights(const Graph& graph) {
  std::vector<bool> found;
  for (const GraphNode& node : graph.nodes()) {
    bool has = !graph.layers()[static_cast<size_t>(node.layer)]->parameters().empty();
    for (int input : node.inputs) has = has || found[static_cast<size_t>(input)];
    found.push_back(has);
  }
  return found;
}

/// The last value that has the form of a picture and through which all goes; the input if there is none.
Parts parts_of(const Graph& graph, size_t output) {
  std::vector<bool> learned = behind_weights(graph);
  Symbol input = graph.symbol(graph.inputs()[0]), end = graph.symbol(graph.outputs()[output]);
  for (int at = end.node; at-- > 0;) {
    const GraphNode& node = graph.nodes()[static_cast<size_t>(at)];
    if (!learned[static_cast<size_t>(at)] || node.shape.rank() != 3 || node.shape[0] * node.shape[1] < 2)
      continue;
    try {
      return {Graph({input}, {graph.symbol(at)}), Graph({graph.symbol(at)}, {end}),
              graph.layers()[static_cast<size_t>(node.layer)]->name()};
    } catch (const Error&) {  // there is a way around this value
    }
  }
  return {Graph({input}, {input}), Graph({input}, {end}),
          graph.layers()[static_cast<size_t>(graph.nodes()[static_cast<size_t>(input.node)].layer)]->name(),
          true};
}

/// The gradient of sum(picks * outputs) by x.
Tensor gradient_of(const Graph& graph, const Tensor& x, const Tensor& picks) {
  Plan plan(graph, {});
  std::vector<bool> without_activation{plan.output_activation(0) != Activation::linear};
  Tensor gradient = Tensor::zeros(x.shape(), x.dtype(), x.device());
  x.watch(gradient);
  Tape tape;
  Tensor y = plan.run({x}, {}, {.without_activation = without_activation})[0];
  Tensor score = sum(multiply(y, picks.to(y.dtype()).to(y.device())));
  tape.backward(score, std::vector<Tensor>{x});
  x.unwatch();
  return gradient;
}

}  // namespace

ActivationMap activation_map(const Model& model, const Tensor& x, const Tensor& picks, size_t output) {
  Graph graph = model.graph().flat();
  check(model.is_built(), "activation_map: the model is not built");
  check(output < graph.outputs().size(), "activation_map: the model has no output number {}", output);
  if (graph.inputs().size() != 1 || x.shape().rank() != 4)
    fail(ErrorKind::usage, "activation_map: the model has {} inputs, and one picture is what is explained",
         graph.inputs().size());
  Parts parts = parts_of(graph, output);
  Tensor input = x.to(model.build_options().dtype).to(model.device());
  Tensor seen = parts.at_input ? input.clone() : Plan(parts.before, {}).run({input}, {})[0];
  Tensor gradient = gradient_of(parts.behind, seen, picks).to(Device::cpu()).to(DType::f32);
  seen = seen.to(Device::cpu()).to(DType::f32);
  const Shape& shape = seen.shape();
  ActivationMap map{Tensor::zeros({shape[0], shape[1], shape[2]}), parts.layer, parts.at_input};
  const auto* values = seen.data<float>();
  const auto* slopes = gradient.data<float>();
  auto* out = map.values.mutable_data<float>();
  for (int64_t place = 0; place < map.values.elements(); ++place)
    for (int64_t i = place * shape[3]; i < (place + 1) * shape[3]; ++i)
      out[place] =
          map.saliency ? std::max(out[place], std::abs(slopes[i])) : out[place] + slopes[i] * values[i];
  return map;
}

}  // namespace manul
