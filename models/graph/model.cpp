#include "manul/models/graph/model.h"

#include "manul/data/datasets/array_dataset.h"
#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/models/graph/graph_layer.h"
#include "manul/models/graph/inference.h"
#include "manul/models/graph/plan.h"

namespace manul {
namespace {

/// Throws unless every layer leads to an output. Keras drops one that does not, and would then find a saved
/// file to have weights for too many layers.
void check_all_used(const Graph& graph) {
  std::vector<bool> used(graph.layers().size());
  std::vector<bool> reached(graph.nodes().size());
  for (int output : graph.outputs()) reached[output] = true;
  for (size_t i = graph.nodes().size(); i-- > 0;) {
    const Graph::Node& node = graph.nodes()[i];
    if (!reached[i] && !node.inputs.empty()) continue;  // an input may be left unused, as in Keras
    used[node.layer] = true;
    for (int input : node.inputs) reached[input] = true;
  }
  for (size_t i = 0; i < used.size(); ++i)
    check(used[i], "model: the layer {} leads to no output", graph.layers()[i]->name());
}

}  // namespace

Model::Model() : parameters_(std::make_unique<ParameterSet>()) {}

Model::Model(Graph graph) : Model() {
  graph_ = std::move(graph);
  check(!graph_.inputs().empty() && !graph_.outputs().empty(), "model: a graph needs an input and an output");
  check_all_used(graph_);
  build_layers(graph_, *parameters_);
}

Model::Model(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs)
    : Model(Graph(inputs, outputs)) {}

Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

void Model::append(const LayerPtr& layer) {
  check(!is_built(), "model: a layer was added after the model was built");
  Symbol last = graph_.symbol(static_cast<int>(graph_.nodes().size()) - 1);
  Symbol output = graph_.apply(layer, last);
  try {
    layer->build({graph_.shape(last)}, parameters());
  } catch (...) {
    graph_.remove_last_call();
    throw;
  }
  graph_.set_outputs({output});
  as_layer_ = {};
}

LayerPtr Model::as_layer() const {
  if (!as_layer_) as_layer_ = std::make_shared<GraphLayer>(graph_);
  return as_layer_;
}

LayerPtr Model::layer(const std::string& name) const {
  for (const LayerPtr& layer : graph_.layers())
    if (layer->name() == name) return layer;
  fail(ErrorKind::failed, "model: there is no layer {}", name);
}

Symbol Model::output_of(const std::string& layer) const {
  const Layer* wanted = this->layer(layer).get();
  Symbol found;
  for (size_t node = 0; node < graph_.nodes().size(); ++node) {
    if (graph_.layers()[graph_.nodes()[node].layer].get() != wanted) continue;
    check(!found.graph, "model: the layer {} has several outputs: take a symbol of the graph", layer);
    found = graph_.symbol(static_cast<int>(node));
  }
  return found;
}

ParameterSet* Model::checked_parameters() const {
  check(parameters_ != nullptr, "model: it was moved from");
  return parameters_.get();
}

void Model::check_compiled(std::string_view caller) const {
  checked_parameters();
  check(is_compiled(), "{}: the model is not compiled", caller);
}

void Model::check_not_in_fit(std::string_view caller) const {
  check(running_fit_.expired(),
        "{}: the model is being trained by a fit() whose callback calls this; stop that fit first", caller);
}

void Model::build(const BuildOptions& options) {
  check(!is_built(), "model: it is built already");
  checked_parameters();
  check(!graph_.outputs().empty(), "model: there is no layer in it");
  parameters().allocate(options.seed, options.dtype, options.device, options.gradients);
  build_options_ = options;
  values_are_drawn_ = true;
  if (options.dtype_policy) set_dtype_policy(*options.dtype_policy);
  make_plan(graph_.flat());
}

void Model::make_plan(const Graph& flat) {
  plan_ = std::make_unique<Plan>(flat, build_options_.fusion, Purpose::anything, checkpoints_);
  inference_ = {};
  TrainStep::forget_captured();
}

void Model::set_dtype_policy(DTypePolicy policy) {
  Graph flat = graph_.flat();
  for (const LayerPtr& layer : graph_.layers()) layer->set_dtype_policy(policy);
  for (int output : flat.outputs())
    flat.layers()[flat.nodes()[output].layer]->set_dtype_policy(DTypePolicy::float32);
  if (is_built()) make_plan(flat);
}

void Model::synchronize_normalizations() {
  for (const LayerPtr& layer : graph_.leaf_layers())
    if (auto* normalization = dynamic_cast<LayerOf<BatchNormalization>*>(layer.get()))
      normalization->options().synchronized = true;
  TrainStep::forget_captured();
}

void Model::compile(std::unique_ptr<Optimizer> optimizer, const Losses& losses, std::vector<Metric> metrics,
                    const CompileOptions& options) {
  check(optimizer != nullptr, "compile: there is no optimizer");
  check_not_in_fit("compile");
  if (options.dtype_policy) set_dtype_policy(*options.dtype_policy);
  if (is_built())
    check_built_as(options);
  else
    build({.device = options.device.value_or(Device()),
           .seed = options.seed.value_or(0),
           .fusion = options.fusion});
  check(build_options_.gradients, "compile: the model was built for prediction, without gradients");
  for (const LayerPtr& layer : graph_.leaf_layers())
    if (const Config& ignored = layer->untrained_options(); ignored.is_map() && !ignored.as_map().empty())
      fail(ErrorKind::failed, "compile: {} asks for {}, which training does not support", layer->name(),
           ignored.text());
  set_objectives(losses, metrics, options);
  optimizer->attach(parameters());
  optimizer_ = std::move(optimizer);
  optimizer_->sum_in_bf16(options.bf16_sums);
  kept_training_config = {};
  if (std::exchange(checkpoints_, options.checkpoint) != options.checkpoint) make_plan(graph_.flat());
  state_ = std::make_unique<DeviceStepState>(device());
  state_->write({.seed = build_options_.seed, .learning_rate = optimizer_->initial_learning_rate()});
}

void Model::check_built_as(const CompileOptions& options) {
  check(!options.device || *options.device == device(),
        "compile: the model was built on {} before, by build(), predict() or forward(): give build() the "
        "device "
        "{}",
        device().name(), options.device ? options.device->name() : "");
  if (!options.seed || *options.seed == build_options_.seed) return;
  check(!values_are_drawn_,
        "compile: the model was built from the seed {} before, by build(), predict() or forward(): give "
        "build() "
        "the seed {}",
        build_options_.seed, *options.seed);
  build_options_.seed = *options.seed;
}

Optimizer& Model::optimizer() const {
  check_compiled("model");
  return *optimizer_;
}

const DeviceStepState& Model::state() const {
  check_compiled("model");
  return *state_;
}

const std::vector<Tensor>& Model::checked(const std::vector<Tensor>& inputs) const {
  check(inputs.size() == graph_.inputs().size(), "model: it takes {} inputs, not {}", graph_.inputs().size(),
        inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Shape& wanted = graph_.nodes()[graph_.inputs()[i]].shape;
    check(inputs[i].shape().rank() > 0 && inputs[i].shape().sample() == wanted,
          "model: input {} does not fit, a batch of samples {} is wanted", inputs[i].shape(), wanted);
    check(inputs[i].dtype() == build_options_.dtype, "model: the input is {}, the model {}",
          name_of(inputs[i].dtype()), name_of(build_options_.dtype));
  }
  return inputs;
}

std::vector<Tensor> Model::forward_all(const Tensors& inputs, const CallContext& context) {
  if (!is_built()) build();
  CallContext drawing = context;
  if (!context.state) drawing.state = state_for_prediction();
  return plan_->run(checked(inputs), drawing);
}

/// What the next prediction draws from; null where nothing draws.
const DeviceStepState* Model::state_for_prediction() {
  if (!plan_->always_trains()) return nullptr;
  if (!prediction_state_) prediction_state_ = std::make_unique<DeviceStepState>(device());
  prediction_state_->write({.iteration = predictions_++, .seed = build_options_.seed});
  return prediction_state_.get();
}

Inference& Model::inference() {
  check(is_built(), "model: it is not built");
  if (!inference_)
    inference_ = std::make_unique<Inference>(graph_.flat(), build_options_.fusion, parameters());
  return *inference_;
}

std::vector<Tensor> Model::predict_batch(const std::vector<Tensor>& inputs) {
  return inference().run(checked(inputs), {.state = state_for_prediction()});
}

Tensor Model::forward(const Tensors& inputs, const CallContext& context) {
  check(graph_.outputs().size() == 1, "model: it has {} outputs: forward_all() gives them",
        graph_.outputs().size());
  return forward_all(inputs, context)[0];
}

Model::BatchResult Model::train_step(const Batch& batch) {
  Tape tape;
  BatchResult result = loss_of(batch, true, state_->part());
  values_are_drawn_ = false;
  optimizer_->minimize(tape, result.loss, *state_, batch.inputs[0].shape()[0]);
  return result;
}

Tensor Model::train_on_batch(const Tensors& inputs, const Tensors& labels, const Tensors& weights) {
  check_compiled("train_on_batch");
  Tensors numbers = labels;
  for (Tensor& label : numbers) label = as_labels(label);
  return train_step({inputs, numbers, weights}).loss;
}

}  // namespace manul
