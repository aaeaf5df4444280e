#include "manul/models/keras/architecture.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>

#include "manul/framework/error.h"
#include "manul/models/graph/fusion.h"
#include "manul/models/graph/graph_layer.h"
#include "manul/models/keras/connections.h"
#include "manul/models/keras/operators.h"

namespace manul::keras {
namespace {

constexpr size_t most_layers = 4000;
constexpr size_t most_nodes = 8000;
constexpr int64_t most_steps = 1'000'000;  // layers and inputs of layers, over all calls of all models
constexpr size_t longest_name = 1000;
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
  /// `scope` stands before the names of its layers; a model that is not trainable freezes all of them. What
  /// calling it takes is counted in `steps_left`.
  ConfiguredModel(const Config& model, int major_version, const std::string& scope, bool trainable,
                  int64_t& steps_left)
      : steps_left_(&steps_left),
        major_version_(major_version),
        sequential_(model.at("class_name").as_string() == "Sequential") {
    const Config& config = model.at("config");
    name_ = config.get("name", sequential_ ? "sequential" : "model");
    trainable = trainable && config.get("trainable", true);
    const Config& layers = config.is_list() ? config : config.at("layers");
    if (layers.as_list().size() > most_layers)
      fail(ErrorKind::model_file, "a model of {} layers is too large, at most {} are read",
           layers.as_list().size(), most_layers);
    std::set<std::string> masks;
    if (major_version >= 3 && !sequential_) masks = mask_layers(config);
    for (const Config& layer : layers.as_list())
      if (masks.empty() || !masks.count(layer.get("name", ""))) add(layer, scope, trainable);
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

  /// The graph of the model, for inputs of these shapes (none: those that the config has).
  Graph graph(const std::vector<Shape>& called_with = {}) const {
    Graph graph;
    graph.set_name(name_);
    std::vector<Symbol> inputs = make_inputs(graph, called_with);
    graph.set_outputs(sequential_ ? call_sequential(graph, inputs) : call_functional(graph, inputs));
    graph.set_sequential(sequential_);
    // As Keras does, calls that lead to no output are left out; layers that lead to none are refused later.
    Graph used(graph.symbols(graph.inputs()), graph.symbols(graph.outputs()));
    if (used.layers().size() != graph.layers().size() || used.nodes().size() == graph.nodes().size())
      return graph;
    used.set_name(name_);
    return used;
  }

  /// As files list them: nested models are one entry.
  std::vector<SavedLayer> saved_layers() const {
    std::vector<SavedLayer> saved;
    for (const Part& part : parts_) {
      SavedLayer entry{part.name, {}};
      if (part.model) {
        entry.parts = part.model->saved_layers();
        entry.layers = leaves_of(entry.parts);
      } else if (part.layer) {
        entry.layers = {part.layer};
      }
      saved.push_back(std::move(entry));
    }
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
    LayerPtr layer;                          // of a model: when it is first called
    std::unique_ptr<ConfiguredModel> model;  // or null
    bool trainable = true;                   // of a model
    std::optional<Shape> input_shape;        // of an InputLayer
    std::vector<Call> calls;                 // of a functional model
  };

  std::vector<Symbol> make_inputs(Graph& graph, const std::vector<Shape>& called_with) const {
    if (sequential_)
      return {graph.input(called_with.empty() ? sequential_input_shape() : called_with[0], input_name_)};
    if (!called_with.empty() && called_with.size() != inputs_.size())
      fail(ErrorKind::model_file, "the model {} has {} inputs and is given {}", name_, inputs_.size(),
           called_with.size());
    std::vector<Symbol> symbols;
    for (const Reference& input : inputs_) {
      const Part& part = this->part(input.layer);
      if (!part.input_shape)
        fail(ErrorKind::model_file, "layer {}: is not an input of the model", input.layer);
      symbols.push_back(
          graph.input(called_with.empty() ? *part.input_shape : called_with[symbols.size()], part.name));
    }
    return symbols;
  }

  std::vector<Symbol> call_sequential(Graph& graph, const std::vector<Symbol>& inputs) const {
    count_step(static_cast<int64_t>(parts_.size()));
    std::vector<Symbol> values = inputs;
    for (Part& part : parts_)
      if (!part.input_shape) values = call_part(graph, part, values, {});
    return values;
  }

  /// A call of a functional model's layers in the making. A part waits for one value at a time. The order is
  /// that of going round and round the list of parts, each called as often as its inputs allow: a part that
  /// waited for an earlier one of the list goes on in the same round, else in the next.
  struct CallOrder {
    explicit CallOrder(size_t parts) : values(parts), met(parts + 1, 0) {}

    void add(size_t part, std::vector<Symbol> outputs, int64_t round) {
      values[part].push_back(std::move(outputs));
      auto waiters = waiting.find({part, values[part].size() - 1});
      if (waiters == waiting.end()) return;
      for (size_t waiter : waiters->second)
        if (waiter != part) ready.push({round + (waiter > part ? 0 : 1), waiter});
      waiting.erase(waiters);
    }

    using Turn = std::pair<int64_t, size_t>;  // round and part
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> ready;
    std::vector<std::vector<std::vector<Symbol>>> values;  // of each part, call by call
    std::vector<size_t> met;  // how many inputs of the part's next call are there
    std::map<std::pair<size_t, size_t>, std::vector<size_t>> waiting;  // by part and call
  };

  void add(const Config& entry, const std::string& scope, bool trainable) {
    const Config config = layer_of_operator(entry);
    std::string class_name = config.at("class_name").as_string();
    Part part;
    if (is_model(class_name)) {
      part.name = config.get("name", config.at("config").get("name", "model").c_str());
      check_name(scope, part.name);
      part.trainable = config.at("config").get("trainable", true);
      part.model = std::make_unique<ConfiguredModel>(config, major_version_, scope + part.name + "/",
                                                     trainable, *steps_left_);
      if (parts_.empty() && sequential_ && part.model->sequential_) input_shape_ = part.model->input_shape_;
    } else {
      Config options = modern_config(config.at("config"), class_name, major_version_);
      part.name = options.get("name", config.get("name", "").c_str());
      check_name(scope, part.name);
      add_layer(part, class_name, options, trainable);
    }
    std::vector<std::string> input_names;
    if (part.layer) input_names = input_names_of(*part.layer);
    const Config* calls = config.find("inbound_nodes");
    for (const Config& call : calls ? calls->as_list() : Config::List())
      part.calls.push_back(read_call(call, input_names));
    if (part.layer && part.calls.size() > 0 && part.calls[0].use_causal_mask) make_causal(part);
    for (const Call& call : part.calls)
      if (call.use_causal_mask != part.calls[0].use_causal_mask)
        fail(ErrorKind::model_file,
             "layer {}: is called with use_causal_mask and without, which is not supported", part.name);
    if (!index_.emplace(part.name, parts_.size()).second && !sequential_)
      fail(ErrorKind::model_file, "layer {}: two layers have this name", part.name);
    parts_.push_back(std::move(part));
  }

  /// The argument of a MultiHeadAttention's calls, which is an option here.
  static void make_causal(Part& part) {
    Config options = part.layer->config();
    options.set("use_causal_mask", true);
    part.layer = make_layer(part.layer->class_name(), options);
  }

  static void check_name(const std::string& scope, const std::string& name) {
    if (scope.size() + name.size() > longest_name)
      fail(ErrorKind::model_file, "layer {}{}: its name has more than {} characters", scope, name,
           longest_name);
  }

  void add_layer(Part& part, const std::string& class_name, Config& options, bool trainable) {
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
    options.set("name", part.name);
    if (!trainable) options.set("trainable", false);
    part.layer = make_layer(class_name, options);
  }

  size_t index_of(const std::string& name) const {
    auto found = index_.find(name);
    if (found == index_.end()) fail(ErrorKind::model_file, "layer {}: is used but not there", name);
    return found->second;
  }
  const Part& part(const std::string& name) const { return parts_[index_of(name)]; }

  /// Models in models, each called many times, multiply.
  void count_step(int64_t steps) const {
    if ((*steps_left_ -= steps) < 0)
      fail(ErrorKind::model_file, "the model takes more than {} steps to lay out: models in models multiply",
           most_steps);
  }

  Shape sequential_input_shape() const {
    const Part& first = parts_.front();
    if (!input_shape_ && first.model && !first.model->sequential_ && first.model->inputs_.size() == 1)
      return first.model->part(first.model->inputs_[0].layer).input_shape.value_or(Shape());
    if (!input_shape_) fail(ErrorKind::model_file, "the shape of the model's input is not in the file");
    return *input_shape_;
  }

  static std::vector<Symbol> call_part(Graph& graph, Part& part, const std::vector<Symbol>& inputs,
                                       std::optional<bool> training) {
    if (graph.nodes().size() >= most_nodes)
      fail(ErrorKind::model_file, "the model calls layers more than {} times", most_nodes);
    if (part.model && !part.layer) {
      std::vector<Shape> shapes;
      for (const Symbol& input : inputs) shapes.push_back(graph.shape(input));
      part.layer = std::make_shared<GraphLayer>(part.model->graph(shapes));
      part.layer->set_name(part.name);
      if (!part.trainable) part.layer->set_trainable(false);
    }
    std::vector<Symbol> outputs = graph.apply_all(part.layer, inputs, training);
    for (const Symbol& output : outputs)
      if (graph.shape(output).elements() > largest_sample)
        fail(ErrorKind::model_file, "layer {}: an output of shape {} is too large", part.name,
             graph.shape(output));
    return outputs;
  }

  /// A mask that a call was given is that of one of its inputs.
  static void check_masked(const Graph& graph, const Part& part, const std::vector<Symbol>& inputs) {
    std::vector<bool> masked = masked_nodes(graph);
    for (const Symbol& input : inputs)
      if (masked[input.node]) return;
    fail(ErrorKind::model_file,
         "layer {}: is given a mask of its own, which is not supported; masks are those of Masking and "
         "Embedding",
         part.name);
  }

  /// Calls the layers as soon as their inputs are there. Keras lists layers in an order in which most inputs
  /// come first; with shared layers some do not.
  std::vector<Symbol> call_functional(Graph& graph, const std::vector<Symbol>& inputs) const {
    CallOrder order(parts_.size());
    for (size_t i = 0; i < inputs.size(); ++i)
      order.values[index_of(inputs_[i].layer)].assign(1, std::vector{inputs[i]});
    for (size_t i = 0; i < parts_.size(); ++i) order.ready.push({0, i});
    while (!order.ready.empty()) {
      auto [round, index] = order.ready.top();
      order.ready.pop();
      Part& part = parts_[index];
      while (order.values[index].size() < part.calls.size()) {
        const Call& call = part.calls[order.values[index].size()];
        std::optional<std::vector<Symbol>> arguments = find_values(order, call.inputs, index);
        if (!arguments) break;
        if (call.given_masks) check_masked(graph, part, *arguments);
        order.add(index, call_part(graph, part, *arguments, call.training), round);
      }
    }
    std::optional<std::vector<Symbol>> outputs = find_values(order, outputs_, parts_.size());
    if (!outputs || outputs->empty())
      fail(ErrorKind::model_file, "the model {}: its outputs do not follow from its inputs", name_);
    return *outputs;
  }

  /// The values of `references`. Nothing if one is not there yet: part `asking` then waits for it.
  std::optional<std::vector<Symbol>> find_values(CallOrder& order, const std::vector<Reference>& references,
                                                 size_t asking) const {
    // A call that waits is looked at again from where it stopped.
    size_t& met = order.met[asking];
    for (; met < references.size(); ++met) {
      count_step(1);
      auto [index, node] = place_of(references[met]);
      if (node < order.values[index].size()) continue;
      if (asking != parts_.size()) order.waiting[{index, node}].push_back(asking);
      return std::nullopt;
    }
    met = 0;
    std::vector<Symbol> found;
    for (const Reference& reference : references) {
      auto [index, node] = place_of(reference);
      const std::vector<Symbol>& outputs = order.values[index][node];
      if (reference.output >= static_cast<int64_t>(outputs.size()))
        fail(ErrorKind::model_file, "layer {}: has {} outputs, there is none of number {}", reference.layer,
             outputs.size(), reference.output);
      found.push_back(outputs[static_cast<size_t>(reference.output)]);
    }
    return found;
  }

  /// The part that a value comes from and which of its calls.
  std::pair<size_t, size_t> place_of(const Reference& reference) const {
    size_t index = index_of(reference.layer);
    // Keras 2 counts a nested model's own inside as its call 0.
    bool skips_one = parts_[index].model && major_version_ < 3 && reference.node > 0;
    return {index, static_cast<size_t>(reference.node) - (skips_one ? 1 : 0)};
  }

  int64_t* steps_left_;  // of the outermost model
  int major_version_;
  bool sequential_;
  std::string name_, input_name_;
  mutable std::vector<Part> parts_;  // their layers are made when they are called
  std::map<std::string, size_t> index_;
  std::optional<Shape> input_shape_;         // of a Sequential
  std::vector<Reference> inputs_, outputs_;  // of a functional model
};

/// What running a graph takes once its nested ones are laid out: calls, and their inputs.
struct Size {
  int64_t calls = 0, inputs = 0;
};

Size size_of_flat(const Graph& graph) {
  std::map<const Layer*, Size> nested;
  Size size;
  for (const GraphNode& node : graph.nodes()) {
    if (node.output > 0) continue;
    Size own{1, static_cast<int64_t>(node.inputs.size())};
    const Layer* layer = graph.layers()[node.layer].get();
    if (const auto* inner = dynamic_cast<const GraphLayer*>(layer)) {
      auto [known, is_new] = nested.emplace(layer, Size());
      if (is_new) known->second = size_of_flat(inner->graph());
      own = known->second;
    }
    size.calls = std::min(size.calls + own.calls, most_steps + 1);
    size.inputs = std::min(size.inputs + own.inputs, most_steps + 1);
  }
  return size;
}

void check_size(const Graph& graph) {
  Size size = size_of_flat(graph);
  if (size.calls > static_cast<int64_t>(most_nodes))
    fail(ErrorKind::model_file, "the model calls layers more than {} times: models in models multiply",
         most_nodes);
  if (size.inputs > most_steps)
    fail(ErrorKind::model_file, "the model takes more than {} steps to lay out: models in models multiply",
         most_steps);
}

}  // namespace

Architecture read_architecture(const Config& model_config, int major_version) {
  std::string class_name = model_config.at("class_name").as_string();
  if (!is_model(class_name))
    fail(ErrorKind::model_file, "a model of the class {} is not supported, only Sequential and Functional",
         class_name);
  int64_t steps_left = most_steps;
  ConfiguredModel model(model_config, major_version, "", true, steps_left);
  Architecture architecture{model.graph(), model.saved_layers()};
  check_size(architecture.graph);
  return architecture;
}

}  // namespace manul::keras
