#include "manul/models/tensorboard/graph_definition.h"

#include <map>
#include <vector>

#include "manul/framework/config/json.h"
#include "manul/models/graph/graph_layer.h"
#include "manul/models/tensorboard/protobuf.h"

// The numbers of fields are those of TensorFlow's graph.proto, node_def.proto and attr_value.proto.
namespace manul {
namespace {

/// Names of nodes are [A-Za-z0-9.][A-Za-z0-9_.\\/>-]*; a slash would open a box.
std::string node_name(const std::string& layer) {
  std::string name;
  for (char c : layer) {
    bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    name += plain || (c == '_' && !name.empty()) ? c : '.';
  }
  return name.empty() ? "layer" : name;
}

ProtobufMessage attribute(const std::string& key, const ProtobufMessage& value) {
  return ProtobufMessage().text(1, key).message(2, value);
}

/// One output's shape with an open batch axis.
ProtobufMessage output_shape(const Shape& sample) {
  ProtobufMessage shape;
  shape.message(2, ProtobufMessage().integer(1, -1));
  for (int64_t length : sample) shape.message(2, ProtobufMessage().integer(1, length));
  return shape;
}

class Definition {
 public:
  /// Adds all calls of `graph` under `scope`, whose inputs are these ("conv2d", "split:1"); gives its
  /// outputs.
  std::vector<std::string> add(const Graph& graph, const std::string& scope,
                               const std::vector<std::string>& inputs) {
    std::vector<std::string> values(graph.nodes().size());
    for (size_t i = 0; i < inputs.size(); ++i) values[static_cast<size_t>(graph.inputs()[i])] = inputs[i];
    for (size_t i = 0; i < graph.nodes().size(); ++i) {
      const GraphNode& node = graph.nodes()[i];
      if (!values[i].empty() || node.output > 0) continue;
      std::vector<std::string> arguments;
      for (int input : node.inputs) arguments.push_back(values[static_cast<size_t>(input)]);
      std::vector<std::string> outputs = add_call(graph, static_cast<int>(i), scope, arguments);
      std::copy(outputs.begin(), outputs.end(), values.begin() + static_cast<std::ptrdiff_t>(i));
    }
    std::vector<std::string> outputs;
    for (int output : graph.outputs()) outputs.push_back(values[static_cast<size_t>(output)]);
    return outputs;
  }

  /// GraphDef: the nodes, and the version that TensorBoard reads.
  std::string bytes() {
    constexpr int version = 1;
    return definition_.message(4, ProtobufMessage().integer(1, version)).bytes();
  }

 private:
  std::vector<std::string> add_call(const Graph& graph, int at, const std::string& scope,
                                    const std::vector<std::string>& arguments) {
    const Layer& layer = *graph.layers()[static_cast<size_t>(graph.nodes()[static_cast<size_t>(at)].layer)];
    std::string name = free_name(scope + node_name(layer.name()));
    if (const auto* nested = dynamic_cast<const GraphLayer*>(&layer))
      return add(nested->graph(), name + "/", arguments);
    ProtobufMessage node, shapes;
    node.text(1, name).text(2, layer.class_name());
    for (const std::string& argument : arguments) node.text(3, argument);
    std::vector<std::string> outputs;
    for (int k = 0; k < graph.outputs_of_call(at); ++k) {
      shapes.message(7, output_shape(graph.nodes()[static_cast<size_t>(at + k)].shape));
      outputs.push_back(k == 0 ? name : name + ":" + std::to_string(k));
    }
    node.message(5, attribute("_output_shapes", ProtobufMessage().message(1, shapes)));
    Config config = layer.config();
    for (const Config::Entry& option : config.as_map())
      node.message(5, attribute(option.key, ProtobufMessage().text(2, json_text(option.value))));
    definition_.message(1, node);
    return outputs;
  }

  std::string free_name(const std::string& name) {
    int count = used_[name]++;
    return count == 0 ? name : free_name(name + "_" + std::to_string(count));
  }

  ProtobufMessage definition_;
  std::map<std::string, int> used_;
};

}  // namespace

std::string graph_definition(const Graph& graph) {
  Definition definition;
  definition.add(graph, "", {});
  return definition.bytes();
}

}  // namespace manul
