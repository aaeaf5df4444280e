#include "manul/models/keras/variables.h"

#include <algorithm>
#include <map>
#include <set>

#include "manul/framework/error.h"
#include "manul/models/graph/graph_layer.h"
#include "manul/models/keras/optimizer_state.h"

namespace manul::keras {
namespace {

/// What the groups of layers are in; the second in files of tf.keras 2.12 and Keras 3.0.
constexpr const char* layer_roots[] = {"layers", "_layer_checkpoint_dependencies"};

/// Names of layers by class: "conv2d", "conv2d_1", ..
class Identifiers {
 public:
  std::string next(const std::string& base) {
    int count = used_[base]++;
    return count == 0 ? base : fmt::format("{}_{}", base, count);
  }

 private:
  std::map<std::string, int> used_;
};

/// Which part of a layer that is made of layers has the parameter: "query"; none: "".
std::string part_of_layer(const Parameter& parameter) {
  size_t slash = parameter.name.rfind('/');
  return slash == std::string::npos ? "" : parameter.name.substr(0, slash);
}

/// "query_dense": what the part "query" is called as a member of Keras' Python object.
std::string member_of_part(const std::string& part) {
  return (part == "attention_output" ? "output" : part) + "_dense";
}

/// Finds the weights of a group of layers, and of the models in it.
class VariableMatcher {
 public:
  VariableMatcher(hdf5::Reader& file) : file_(file) {}

  void match(const std::string& group, const std::vector<SavedLayer>& layers) {
    std::string root = group + layer_root(group);
    Identifiers identifiers;
    for (const SavedLayer& layer : layers) {
      if (!layer.parts.empty()) {
        if (is_met(layer)) continue;
        match(nested_group(root, layer.name, identifiers) + "/", layer.parts);
      } else if (!layer.layers.empty()) {
        const Layer& one = *layer.layers[0];
        std::string path = root + "/" + identifiers.next(snake_case(one.class_name()));
        if (met_.insert(&one).second) match_layer(path, one);  // a shared layer is stored once
      }
    }
  }

  std::vector<WeightPlace> places;

 private:
  bool is_met(const SavedLayer& model) const {
    return std::all_of(model.layers.begin(), model.layers.end(),
                       [&](const LayerPtr& layer) { return met_.count(layer.get()) > 0; });
  }

  std::string layer_root(const std::string& group) {
    for (const char* root : layer_roots)
      if (file_.exists(group + root)) return root;
    file_.refuse(group, "has no group of layers");
  }

  /// The file says of a model in a model no more than its class.
  std::string nested_group(const std::string& root, const std::string& name, Identifiers& identifiers) {
    std::string found;
    for (const char* base : {"functional", "sequential", "model"}) {
      Identifiers tried = identifiers;
      std::string path = root + "/" + tried.next(base);
      if (!file_.exists(path)) continue;
      bool named = file_.exists(path + "/vars") && file_.text(path + "/vars", "name") == name;
      if (!found.empty() && !named) continue;
      found = base;
      if (named) break;
    }
    if (found.empty()) file_.refuse(root, fmt::format("has no weights of the model {}", name));
    return root + "/" + identifiers.next(found);
  }

  void match_layer(const std::string& path, const Layer& layer) {
    std::map<std::string, size_t> counts;  // by part
    for (const Parameter* parameter : layer.parameters()) ++counts[part_of_layer(*parameter)];
    std::map<std::string, std::string> groups;
    for (const auto& [part, count] : counts) {
      groups[part] = (part.empty() ? path : part_group(path, part)) + "/vars";
      check_count(groups[part], count, layer);
    }
    std::map<std::string, size_t> next;
    for (Parameter* parameter : layer.parameters()) {  // in the layer's order, which is that of its slots
      std::string part = part_of_layer(*parameter);
      places.push_back({parameter, file_.dataset(fmt::format("{}/{}", groups[part], next[part]++))});
    }
  }

  /// "mha/query_dense" for the part "query": Keras has the name of a Python member, and may have the part's
  /// own.
  std::string part_group(const std::string& path, const std::string& part) {
    if (file_.exists(path))
      for (const std::string& member : file_.members(path)) {
        std::string inner = path + "/" + member;
        if (member == part || member == part + "_dense" ||
            (file_.exists(inner + "/vars") && file_.text(inner + "/vars", "name") == part))
          return inner;
      }
    return path + "/" + member_of_part(part);
  }

  void check_count(const std::string& group, size_t count, const Layer& layer) {
    size_t there = file_.exists(group) ? file_.members(group).size() : 0;
    if (there != count)
      file_.refuse(group,
                   fmt::format("has {} weights, but that of layer {} has {}", there, layer.name(), count));
  }

  hdf5::Reader& file_;
  std::set<const Layer*> met_;
};

/// Writes the weights of layers, each once, and of the models in them.
class VariableWriter {
 public:
  void write(hdf5::Group& root, const std::string& group, const Graph& graph) {
    Identifiers identifiers;
    for (const LayerPtr& layer : ordered_layers(graph)) {
      if (graph.is_sequential() && layer->class_name() == "InputLayer") continue;
      std::string path = group + "layers/" + identifiers.next(snake_case(layer->class_name()));
      if (!met_.insert(layer.get()).second) continue;
      root.group(path + "/vars").set_text("name", file_name(*layer), hdf5::Charset::utf8);
      if (const auto* nested = dynamic_cast<const GraphLayer*>(layer.get()))
        write(root, path + "/", nested->graph());
      else
        write_layer(root, path, *layer);
    }
  }

  std::vector<Parameter*> trained;

 private:
  void write_layer(hdf5::Group& root, const std::string& path, const Layer& layer) {
    std::map<std::string, int> next_index;
    for (Parameter* parameter : layer.parameters()) {
      std::string part = part_of_layer(*parameter);
      hdf5::Group& variables =
          root.group(part.empty() ? path + "/vars" : fmt::format("{}/{}/vars", path, member_of_part(part)));
      if (!part.empty()) variables.set_text("name", part, hdf5::Charset::utf8);
      variables.add(std::to_string(next_index[part]++), file_shape(*parameter),
                    file_values(*parameter, parameter->value));
      if (parameter->trainable) trained.push_back(parameter);
    }
  }

  std::set<const Layer*> met_;
};

}  // namespace

bool has_variables(hdf5::Reader& file) {
  for (const char* root : layer_roots)
    if (file.exists(root)) return true;
  return false;
}

std::vector<WeightPlace> match_variables(hdf5::Reader& file, const std::vector<SavedLayer>& layers) {
  VariableMatcher matcher(file);
  matcher.match("", layers);
  return std::move(matcher.places);
}

std::vector<std::string> optimizer_variables(hdf5::Reader& file) {
  std::vector<std::string> paths;
  if (file.exists("optimizer/vars"))
    for (size_t i = 0, count = file.members("optimizer/vars").size(); i < count; ++i)
      paths.push_back(fmt::format("optimizer/vars/{}", i));
  return paths;
}

void write_variables(hdf5::Group& root, const Model& model, bool optimizer) {
  VariableWriter writer;
  writer.write(root, "", model.graph());
  root.group("vars").set_text("name", model.graph().name(), hdf5::Charset::utf8);
  if (!optimizer || !model.is_compiled()) return;
  hdf5::Group& state = root.group("optimizer/vars");
  state.set_text("name", snake_case(model.optimizer().class_name()), hdf5::Charset::utf8);
  StepState step = model.state().read();
  state.add("0", {}, std::vector<int64_t>{step.iteration});
  int index = 1;
  if (!model.optimizer().learning_rate().schedule())  // Keras has float32, which would not be resumed exactly
    state.add(std::to_string(index++), {}, std::vector<double>{step.learning_rate});
  for (const SlotPlace& place : slot_places(model.optimizer(), writer.trained, true))
    state.add(std::to_string(index++), file_shape(*place.parameter),
              file_values(*place.parameter, place.values()));
}

}  // namespace manul::keras
