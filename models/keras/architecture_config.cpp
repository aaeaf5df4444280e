#include <algorithm>
#include <map>
#include <set>

#include "manul/framework/error.h"
#include "manul/models/keras/activation_names.h"
#include "manul/models/keras/architecture.h"
#include "manul/models/keras/connections.h"

namespace manul::keras {
namespace {

Config input_config(const Graph& graph, int node) {
  Config::List shape{nullptr};
  for (int64_t length : graph.nodes()[node].shape) shape.emplace_back(length);
  return Config::map({{"batch_input_shape", std::move(shape)},
                      {"dtype", "float32"},
                      {"sparse", false},
                      {"ragged", false},
                      {"name", file_name(*graph.layers()[graph.nodes()[node].layer])}});
}

/// {class_name, config} of the layer that is called at `node`.
Config layer_config(const Graph& graph, int node, int keras_version) {
  const Layer& layer = *graph.layers()[graph.nodes()[node].layer];
  bool is_input = graph.nodes()[node].inputs.empty();
  Config config = is_input ? input_config(graph, node) : layer.config();
  config.set("name", file_name(layer));
  if (const Config* activation = config.find("activation"))
    config.set("activation", activation_by_keras_name(*activation, keras_version));
  return Config::map({{"class_name", layer.class_name()}, {"config", std::move(config)}});
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

Config functional_config(const Graph& graph, int keras_version) {
  std::vector<int64_t> call_of(graph.nodes().size());  // which call of its layer each node is
  std::map<const Layer*, std::vector<int>> nodes_of;
  for (size_t node = 0; node < graph.nodes().size(); ++node) {
    std::vector<int>& calls = nodes_of[graph.layers()[graph.nodes()[node].layer].get()];
    call_of[node] = static_cast<int64_t>(calls.size());
    calls.push_back(static_cast<int>(node));
  }
  auto reference = [&](int node) {
    return Config::List{file_name(*graph.layers()[graph.nodes()[node].layer]), call_of[node], 0};
  };
  auto references = [&](const std::vector<int>& nodes) {
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
      Config::List call;
      std::vector<std::string> names = input_names_of(*called);
      for (size_t i = 0; i < graph.nodes()[node].inputs.size(); ++i) {
        Config::List argument = reference(graph.nodes()[node].inputs[i]);
        if (i > 0 && i < names.size()) {  // stands by its name beside the first
          call[0] = with_argument(call[0], names[i], std::move(argument));
          continue;
        }
        argument.push_back(graph.nodes()[node].training
                               ? Config::map({{"training", *graph.nodes()[node].training}})
                               : Config::map());
        call.emplace_back(std::move(argument));
      }
      if (!call.empty()) calls.emplace_back(std::move(call));
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
  std::string name = layer.name();
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
