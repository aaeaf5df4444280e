#include "manul/models/keras/architecture.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "manul/framework/error.h"
#include "manul/models/keras/connections.h"

namespace manul::keras {
namespace {

constexpr size_t most_layers = 4000;
constexpr size_t most_nodes = 8000;
constexpr int most_calls = 1000;
constexpr int64_t largest_sample = int64_t{1} << 27;  // elements of a layer's output for one sample

/// The shape of one sample: what stands after the length of the batch.
Shape sample_shape(const Config& batch_shape) {
  std::vector<int64_t> lengths;
  for (const Config& length : batch_shape.as_list())
    lengths.push_back(length.is_null() ? 0 : length.as_int());
  if (lengths.empty() || lengths.size() > Shape::max_rank)
    fail(ErrorKind::model_file, "the input's shape {} is not supported", batch_shape.text());
  for (size_t i = 1; i < lengths.size(); ++i)
    if (lengths[i] < 1 || lengths[i] > largest_sample)
      fail(ErrorKind::model_file, "the input's shape {} is not supported: every length must be known",
           batch_shape.text());
  return Shape(std::span(lengths).subspan(1));
}

const Config* find_input_shape(const Config& config) {
  for (const char* key : {"batch_shape", "batch_input_shape"})
    if (const Config* shape = config.find(key); shape && !shape->is_null()) return shape;
  return nullptr;
}

bool is_model(const std::string& class_name) {
  return class_name == "Sequential" || class_name == "Functional" || class_name == "Model";
}

/// A Sequential or functional model of a config. It owns its layers and can be called more than once.
class ConfiguredModel {
 public:
  /// `scope` stands before the names of its layers; a model that is not trainable freezes all of them.
  ConfiguredModel(const Config& model, int major_version, const std::string& scope, bool trainable)
      : major_version_(major_version), sequential_(model.at("class_name").as_string() == "Sequential") {
    const Config& config = model.at("config");
    name_ = config.get("name", sequential_ ? "sequential" : "model");
    trainable = trainable && config.get("trainable", true);
    const Config& layers = config.is_list() ? config : config.at("layers");
    if (layers.as_list().size() > most_layers)
      fail(ErrorKind::model_file, "a model of {} layers is too large, at most {} are read",
           layers.as_list().size(), most_layers);
    for (const Config& layer : layers.as_list()) add(layer, scope, trainable);
    if (parts_.empty()) fail(ErrorKind::model_file, "the model {} has no layers", name_);
    if (sequential_) {
      if (const Config* shape = config.find("build_input_shape"); shape && !shape->is_null() && !input_shape_)
        input_shape_ = sample_shape(*shape);
    } else {
      inputs_ = read_references(config.at("input_layers"));
      outputs_ = read_references(config.at("output_layers"));
      for (Reference& output : outputs_) count_from_first_call(output);
    }
  }

  const std::string& name() const { return name_; }
  bool is_sequential() const { return sequential_; }

  /// Adds the model's inputs to the graph.
  std::vector<Symbol> make_inputs(Graph& graph) const {
    if (sequential_) return {graph.input(sequential_input_shape(), input_name_)};
    std::vector<Symbol> symbols;
    for (const Reference& input : inputs_) {
      const Part& part = this->part(input.layer);
      if (!part.input_shape)
        fail(ErrorKind::model_file, "layer {}: is not an input of the model", input.layer);
      symbols.push_back(graph.input(*part.input_shape, part.name));
    }
    return symbols;
  }

  /// Adds a call of the whole model to the graph.
  /// `training` is what the call was given as the argument of this name, for every layer in it.
  std::vector<Symbol> call(Graph& graph, const std::vector<Symbol>& inputs,
                           std::optional<bool> training = {}) const {
    if (++calls_ > most_calls)  // models in models, each called many times, multiply
      fail(ErrorKind::model_file, "the model {} is called more than {} times", name_, most_calls);
    if (!sequential_) return call_functional(graph, inputs, training);
    std::vector<Symbol> values = inputs;
    for (const Part& part : parts_)
      if (!part.input_shape) values = call_part(graph, part, values, training);
    return values;
  }

  /// Its layers, and those of models in it, in order.
  std::vector<LayerPtr> layers() const {
    std::vector<LayerPtr> all;
    for (const Part& part : parts_)
      for (const LayerPtr& layer : layers_of(part)) all.push_back(layer);
    return all;
  }

  /// As files list them: nested models are one entry.
  std::vector<SavedLayer> saved_layers() const {
    std::vector<SavedLayer> saved;
    for (const Part& part : parts_) saved.push_back({part.name, layers_of(part)});
    return saved;
  }

 private:
  /// Keras 3 counts the calls of a nested functional model from 0 where they are an input, from 1 where they
  /// are an output of the model around it. (A nested Sequential's from 0 in both.)
  void count_from_first_call(Reference& output) const {
    const Part& from = part(output.layer);
    if (major_version_ >= 3 && from.model && !from.model->sequential_ && output.node > 0) --output.node;
  }

  struct Part {
    std::string name;
    LayerPtr layer;  // one of these three
    std::unique_ptr<ConfiguredModel> model;
    std::optional<Shape> input_shape;
    std::vector<Call> calls;  // of a functional model
  };

  void add(const Config& config, const std::string& scope, bool trainable) {
    std::string class_name = config.at("class_name").as_string();
    Part part;
    if (is_model(class_name)) {
      part.name = config.get("name", config.at("config").get("name", "model").c_str());
      part.model =
          std::make_unique<ConfiguredModel>(config, major_version_, scope + part.name + "/", trainable);
      if (parts_.empty() && sequential_ && part.model->sequential_) input_shape_ = part.model->input_shape_;
    } else {
      Config options = modern_config(config.at("config"), class_name);
      part.name = options.get("name", config.get("name", "").c_str());
      add_layer(part, class_name, options, scope, trainable);
    }
    const Config* calls = config.find("inbound_nodes");
    for (const Config& call : calls ? calls->as_list() : Config::List())
      part.calls.push_back(read_call(call));
    if (!index_.emplace(part.name, parts_.size()).second && !sequential_)
      fail(ErrorKind::model_file, "layer {}: two layers have this name", part.name);
    parts_.push_back(std::move(part));
  }

  void add_layer(Part& part, const std::string& class_name, Config& options, const std::string& scope,
                 bool trainable) {
    const Config* shape = find_input_shape(options);
    if (sequential_ && parts_.empty() && shape) input_shape_ = sample_shape(*shape);
    if (class_name == "InputLayer") {
      if (!shape) fail(ErrorKind::model_file, "layer {}: an InputLayer without a shape", part.name);
      part.input_shape = sample_shape(*shape);
      input_name_ = part.name;
      return;
    }
    if (class_name == "Lambda")
      fail(ErrorKind::model_file, "layer {}: a Lambda would run code from the file, which is never done",
           part.name);
    options.set("name", scope + part.name);
    if (!trainable) options.set("trainable", false);
    part.layer = make_layer(class_name, options);
  }

  static std::vector<LayerPtr> layers_of(const Part& part) {
    if (part.layer) return {part.layer};
    return part.model ? part.model->layers() : std::vector<LayerPtr>();
  }

  const Part& part(const std::string& name) const {
    auto found = index_.find(name);
    if (found == index_.end()) fail(ErrorKind::model_file, "layer {}: is used but not there", name);
    return parts_[found->second];
  }

  Shape sequential_input_shape() const {
    const Part& first = parts_.front();
    if (!input_shape_ && first.model && !first.model->sequential_ && first.model->inputs_.size() == 1)
      return first.model->part(first.model->inputs_[0].layer).input_shape.value_or(Shape());
    if (!input_shape_) fail(ErrorKind::model_file, "the shape of the model's input is not in the file");
    return *input_shape_;
  }

  static std::vector<Symbol> call_part(Graph& graph, const Part& part, const std::vector<Symbol>& inputs,
                                       std::optional<bool> training) {
    if (part.model) return part.model->call(graph, inputs, training);
    if (graph.nodes().size() >= most_nodes)
      fail(ErrorKind::model_file, "the model calls layers more than {} times", most_nodes);
    Symbol output = graph.apply(part.layer, inputs, training);
    if (graph.shape(output).elements() > largest_sample)
      fail(ErrorKind::model_file, "layer {}: an output of shape {} is too large", part.name,
           graph.shape(output));
    return {output};
  }

  /// Keras lists layers in an order in which most inputs come first; with shared layers some do not.
  std::vector<Symbol> call_functional(Graph& graph, const std::vector<Symbol>& inputs,
                                      std::optional<bool> training) const {
    if (inputs.size() != inputs_.size())
      fail(ErrorKind::model_file, "the model {} has {} inputs and is given {}", name_, inputs_.size(),
           inputs.size());
    std::map<std::string, std::vector<Symbol>> values;  // of each layer, call by call
    for (size_t i = 0; i < inputs.size(); ++i) values[inputs_[i].layer] = {inputs[i]};
    for (bool progress = true; progress;) {
      progress = false;
      for (const Part& part : parts_) {
        std::vector<Symbol>& calls = values[part.name];
        while (calls.size() < part.calls.size()) {
          const Call& call = part.calls[calls.size()];
          std::optional<std::vector<Symbol>> arguments = find_values(values, call.inputs);
          if (!arguments) break;
          // A call's own argument goes before that of the call of the model around it.
          std::optional<bool> told = call.training ? call.training : training;
          std::vector<Symbol> outputs = call_part(graph, part, *arguments, told);
          if (outputs.size() != 1)
            fail(ErrorKind::model_file, "the nested model {} has several outputs, which is not supported",
                 part.name);
          calls.push_back(outputs[0]);
          progress = true;
        }
      }
    }
    std::optional<std::vector<Symbol>> outputs = find_values(values, outputs_);
    if (!outputs || outputs->empty())
      fail(ErrorKind::model_file, "the model {}: its outputs do not follow from its inputs", name_);
    return *outputs;
  }

  /// Nothing if one of them is not there yet.
  std::optional<std::vector<Symbol>> find_values(const std::map<std::string, std::vector<Symbol>>& values,
                                                 const std::vector<Reference>& references) const {
    std::vector<Symbol> found;
    for (const Reference& reference : references) {
      auto calls = values.find(part(reference.layer).name);
      // Keras 2 counts a nested model's own inside as its call 0.
      bool skips_one = part(reference.layer).model && major_version_ < 3 && reference.node > 0;
      size_t node = static_cast<size_t>(reference.node) - (skips_one ? 1 : 0);
      if (calls == values.end() || node >= calls->second.size()) return std::nullopt;
      found.push_back(calls->second[node]);
    }
    return found;
  }

  mutable int calls_ = 0;
  int major_version_;
  bool sequential_;
  std::string name_, input_name_;
  std::vector<Part> parts_;
  std::map<std::string, size_t> index_;
  std::optional<Shape> input_shape_;         // of a Sequential
  std::vector<Reference> inputs_, outputs_;  // of a functional model
};

}  // namespace

Architecture read_architecture(const Config& model_config, int major_version) {
  std::string class_name = model_config.at("class_name").as_string();
  if (!is_model(class_name))
    fail(ErrorKind::model_file, "a model of the class {} is not supported, only Sequential and Functional",
         class_name);
  ConfiguredModel model(model_config, major_version, "", true);
  Architecture architecture;
  Graph& graph = architecture.graph;
  graph.set_outputs(model.call(graph, model.make_inputs(graph)));
  graph.set_name(model.name());
  std::vector<SavedLayer> saved = model.saved_layers();
  bool is_flat =
      std::all_of(saved.begin(), saved.end(), [](const SavedLayer& s) { return s.layers.size() < 2; });
  graph.set_sequential(model.is_sequential() && is_flat);
  architecture.layers = std::move(saved);
  return architecture;
}

}  // namespace manul::keras
