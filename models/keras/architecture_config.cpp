#include <algorithm>
#include <map>
#include <set>

#include "manul/framework/error.h"
#include "manul/layers/attention.h"
#include "manul/models/graph/graph_layer.h"
#include "manul/models/keras/activation_names.h"
#include "manul/models/keras/architecture.h"
#include "manul/models/keras/connections.h"

namespace manul::keras {
namespace {

Config::List batch_shape(const Shape& sample) {
  Config::List lengths{nullptr};
  for (int64_t length : sample) lengths.emplace_back(length);
  return lengths;
}

Config input_config(const Graph& graph, int node) {
  return Config::map({{"batch_input_shape", batch_shape(graph.nodes()[node].shape)},
                      {"dtype", "float32"},
                      {"sparse", false},
                      {"ragged", false},
                      {"name", file_name(*graph.layers()[graph.nodes()[node].layer])}});
}

/// Keras 2 builds a layer with named inputs from their shapes: "query_shape". A missing one is the second
/// input's.
void add_input_shapes(const Graph& graph, int node, Config& config) {
  const std::vector<int>& inputs = graph.nodes()[node].inputs;
  std::vector<std::string> names = input_names_of(*graph.layers()[graph.nodes()[node].layer]);
  for (size_t i = 0; i < std::min<size_t>(names.size(), 3); ++i)  // a mask has none
    config.set(names[i] + "_shape", batch_shape(graph.nodes()[inputs.at(i < inputs.size() ? i : 1)].shape));
}

bool is_one_of(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Without what this Keras' class does not take.
Config accepted_options(const Layer& layer, const Config& config, int keras_version) {
  std::vector<std::string> left_out;
  if (keras_version >= 3)
    for (const std::string& input : input_names_of(layer)) left_out.push_back(input + "_shape");
  if (!input_names_of(layer).empty()) left_out.push_back("use_causal_mask");  // the call says it
  // It says nothing, and Keras 3's SpatialDropout2D does not know it.
  if (layer.parameters().empty() && config.get("trainable", true)) left_out.push_back("trainable");
  Config options = Config::map();
  for (const Config::Entry& option : config.as_map())
    if (!is_one_of(left_out, option.key)) options.set(option.key, option.value);
  return options;
}

const GraphLayer* nested_at(const Graph& graph, int node) {
  return dynamic_cast<const GraphLayer*>(graph.layers()[graph.nodes()[node].layer].get());
}

/// {class_name, config} of the layer that is called at `node`.
Config layer_config(const Graph& graph, int node, int keras_version) {
  const Layer& layer = *graph.layers()[graph.nodes()[node].layer];
  if (const GraphLayer* nested = nested_at(graph, node)) {
    Config model = architecture_config(nested->graph(), keras_version);
    Config config = model.at("config");
    config.set("name", file_name(layer));
    model.set("config", std::move(config));
    return model;
  }
  bool is_input = graph.nodes()[node].inputs.empty();
  Config config =
      is_input ? input_config(graph, node) : accepted_options(layer, layer.config(), keras_version);
  config.set("name", file_name(layer));
  if (keras_version < 3) add_input_shapes(graph, node, config);
  if (const Config* activation = config.find("activation"))
    config.set("activation", activation_by_keras_name(*activation, keras_version));
  return Config::object(layer.class_name(), std::move(config));
}

Config sequential_config(const Graph& graph, int keras_version) {
  Config::List layers;
  for (size_t node = 0; node < graph.nodes().size(); ++node)
    layers.push_back(layer_config(graph, static_cast<int>(node), keras_version));
  return Config::map({{"name", graph.name()}, {"layers", std::move(layers)}});
}

/// A connection with one more named argument.
Config with_argument(const Config& connection, const std::string& name, Config value) {
  Config::List parts = connection.as_list();
  parts.back().set(name, std::move(value));
  return parts;
}

/// What a call of the layer is told beside its inputs and `training`.
Config::Map further_arguments(const Layer& layer) {
  const auto* attention = options_of<MultiHeadAttention>(layer);
  return attention && attention->use_causal_mask ? Config::Map{{"use_causal_mask", true}} : Config::Map();
}

/// [[name, call, 0, {arguments}], ..]
template <class ReferenceOf>
Config keras2_call(const Graph& graph, int node, ReferenceOf reference) {
  const Graph::Node& called = graph.nodes()[node];
  std::vector<std::string> names = input_names_of(*graph.layers()[called.layer]);
  Config::List call;
  for (size_t i = 0; i < called.inputs.size(); ++i) {
    Config::List argument = reference(called.inputs[i]);
    if (i > 0 && i < names.size()) {  // stands by its name beside the first
      call[0] = with_argument(call[0], names[i], std::move(argument));
      continue;
    }
    argument.push_back(called.training ? Config::map({{"training", *called.training}}) : Config::map());
    call.emplace_back(std::move(argument));
  }
  for (const Config::Entry& entry : further_arguments(*graph.layers()[called.layer]))
    call[0] = with_argument(call[0], entry.key, entry.value);
  return call;
}

/// {"args": [tensor, ..], "kwargs": {}}; inputs that have no names are one argument, a list.
template <class ReferenceOf>
Config keras3_call(const Graph& graph, int node, ReferenceOf reference) {
  const Graph::Node& called = graph.nodes()[node];
  const Layer& layer = *graph.layers()[called.layer];
  check(!called.training,
        "save: layer {} is called with training = {}, which Keras 3 passes over when it reads a file; save a "
        ".h5 file",
        layer.name(), called.training.value_or(false));
  Config::List tensors;
  for (int input : called.inputs)
    tensors.push_back(
        Config::object("__keras_tensor__", Config::map({{"shape", batch_shape(graph.nodes()[input].shape)},
                                                        {"dtype", "float32"},
                                                        {"keras_history", reference(input)}})));
  Config::List arguments;
  if (tensors.size() > 1 && input_names_of(layer).empty())
    arguments.emplace_back(std::move(tensors));
  else
    arguments = std::move(tensors);
  Config named = Config::map();
  if (!input_names_of(layer).empty() && arguments.size() == 4) {  // a mask stands by its name
    named.set(input_names_of(layer).back(), arguments.back());
    arguments.pop_back();
  }
  for (const Config::Entry& entry : further_arguments(layer)) named.set(entry.key, entry.value);
  return Config::map({{"args", std::move(arguments)}, {"kwargs", std::move(named)}});
}

Config functional_config(const Graph& graph, int keras_version) {
  std::vector<int64_t> call_of(graph.nodes().size());  // which call of its layer each node is
  std::map<const Layer*, std::vector<int>> nodes_of;
  for (size_t node = 0; node < graph.nodes().size(); ++node) {
    if (graph.nodes()[node].output > 0) continue;
    std::vector<int>& calls = nodes_of[graph.layers()[graph.nodes()[node].layer].get()];
    call_of[node] = static_cast<int64_t>(calls.size());
    calls.push_back(static_cast<int>(node));
  }
  auto reference = [&](int node) {
    int output = graph.nodes()[node].output;
    int64_t call = call_of[node - output];
    if (nested_at(graph, node)) call = 2 * call + 1;  // each stands there twice
    return Config::List{file_name(*graph.layers()[graph.nodes()[node].layer]), call, output};
  };
  auto references = [&](const std::vector<int>& nodes) {
    if (keras_version >= 3 && nodes.size() == 1) return reference(nodes[0]);
    Config::List list;
    for (int node : nodes) list.emplace_back(reference(node));
    return list;
  };
  Config::List layers;
  for (const LayerPtr& called : ordered_layers(graph)) {
    const std::vector<int>& nodes = nodes_of.at(called.get());
    Config layer = layer_config(graph, nodes.front(), keras_version);
    Config::List calls;
    for (int node : nodes) {
      if (graph.nodes()[node].inputs.empty()) continue;
      Config call = keras_version < 3 ? Config(keras2_call(graph, node, reference))
                                      : Config(keras3_call(graph, node, reference));
      if (nested_at(graph, node)) calls.push_back(call);
      calls.push_back(std::move(call));
    }
    layer.set("name", layer.at("config").at("name"));
    layer.set("inbound_nodes", std::move(calls));
    layers.push_back(std::move(layer));
  }
  return Config::map({{"name", graph.name()},
                      {"layers", std::move(layers)},
                      {"input_layers", references(graph.inputs())},
                      {"output_layers", references(graph.outputs())}});
}

}  // namespace

std::string file_name(const Layer& layer) {
  return file_name(layer.name());
}

std::string file_name(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

Config architecture_config(const Graph& graph, int keras_version) {
  std::set<std::string> names;
  for (const LayerPtr& layer : graph.layers())
    check(names.insert(file_name(*layer)).second, "save: two layers would be called {} in the file",
          file_name(*layer));
  check(!names.count("top_level_model_weights"),
        "save: a layer is called top_level_model_weights, which has another meaning in Keras' files");
  bool sequential = graph.is_sequential();
  Config config =
      sequential ? sequential_config(graph, keras_version) : functional_config(graph, keras_version);
  return Config::map(
      {{"class_name", sequential ? "Sequential" : "Functional"}, {"config", std::move(config)}});
}

}  // namespace manul::keras
