#include "manul/models/graph/model.h"

#include "manul/framework/error.h"
#include "manul/framework/tape.h"
#include "manul/models/graph/plan.h"

namespace manul {
namespace {

/// Labels of a binary loss may come as [N] for outputs [N, 1].
Tensor labels_like(const Tensor& labels, const Shape& outputs, Loss loss) {
  bool fits = loss == Loss::binary_crossentropy && labels.elements() == outputs.elements();
  return fits ? labels.view(outputs) : labels;
}

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

/// Keras' crossentropies take the logits of either, whichever of them stands before the loss.
bool has_logits(Activation activation) {
  return activation == Activation::sigmoid || activation == Activation::softmax;
}

}  // namespace

Model::Model() : parameters_(std::make_unique<ParameterSet>()) {}

Model::Model(Graph graph) : Model() {
  graph_ = std::move(graph);
  check(!graph_.inputs().empty() && !graph_.outputs().empty(), "model: a graph needs an input and an output");
  check_all_used(graph_);
  declare_parameters();
}

Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

void Model::append(const LayerPtr& layer) {
  check(!is_built(), "model: a layer was added after the model was built");
  Symbol last{static_cast<int>(graph_.nodes().size()) - 1};
  graph_.set_outputs({graph_.apply(layer, last)});
  declare_parameters();
}

void Model::declare_parameters() {
  for (const Graph::Node& node : graph_.nodes()) {
    std::vector<Shape> shapes;
    for (int input : node.inputs) shapes.push_back(graph_.nodes()[input].shape);
    graph_.layers()[node.layer]->build(shapes, *parameters_);
  }
}

void Model::build(const BuildOptions& options) {
  check(!is_built(), "model: it is built already");
  check(!graph_.outputs().empty(), "model: there is no layer in it");
  parameters_->allocate(options.seed, options.dtype, options.device, options.gradients);
  build_options_ = options;
  plan_ = std::make_unique<Plan>(graph_, options.fusion);
}

void Model::compile(std::unique_ptr<Optimizer> optimizer, Loss loss, std::vector<Metric> metrics,
                    const CompileOptions& options) {
  if (!is_built()) build({.device = options.device, .seed = options.seed, .fusion = options.fusion});
  check(build_options_.gradients, "compile: the model was built for prediction, without gradients");
  check(graph_.outputs().size() == 1, "compile: a loss takes one output, the model has {}",
        graph_.outputs().size());
  const Shape& output = graph_.nodes()[graph_.outputs()[0]].shape;
  check(loss == Loss::binary_crossentropy || output.rank() == 1,
        "compile: the loss is one over classes, but the output is {}", output);
  for (const LayerPtr& layer : graph_.layers())
    if (const Config& ignored = layer->untrained_options(); ignored.is_map() && !ignored.as_map().empty())
      fail(ErrorKind::failed, "compile: {} asks for {}, which training does not support", layer->name(),
           ignored.text());
  optimizer->attach(*parameters_);
  optimizer_ = std::move(optimizer);
  loss_ = loss;
  metrics_ = std::move(metrics);
  from_logits_ = options.from_logits;
  loss_weight_ = options.loss_weight;
  composed_loss_ = {};
  kept_training_config = {};
  state_ = std::make_unique<DeviceStepState>(device());
  state_->write({.seed = build_options_.seed, .learning_rate = optimizer_->initial_learning_rate()});
}

void Model::compile(std::unique_ptr<Optimizer> optimizer, const LossSpec& loss, std::vector<Metric> metrics,
                    const CompileOptions& options) {
  check(static_cast<bool>(loss.values), "compile: there is no loss {}", loss.name);
  // Labels have the shape of the output, so accuracy is that beside a binary loss.
  compile(std::move(optimizer), Loss::binary_crossentropy, std::move(metrics), options);
  from_logits_ = false;
  composed_loss_ = loss;
}

Optimizer& Model::optimizer() const {
  check(is_compiled(), "model: it is not compiled");
  return *optimizer_;
}

const DeviceStepState& Model::state() const {
  check(is_compiled(), "model: it is not compiled");
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

std::vector<Tensor> Model::forward(const std::vector<Tensor>& inputs, const CallContext& context) {
  if (!is_built()) build();
  const std::vector<Graph::Node>& nodes = graph_.nodes();
  bool draws = !context.state && std::any_of(nodes.begin(), nodes.end(), [](const Graph::Node& node) {
    return node.training.value_or(false);
  });
  if (!draws) return plan_->run(checked(inputs), context);
  if (!prediction_state_) prediction_state_ = std::make_unique<DeviceStepState>(device());
  prediction_state_->write({.iteration = predictions_++, .seed = build_options_.seed});
  return plan_->run(checked(inputs), {context.training, prediction_state_.get()});
}

Tensor Model::forward(const Tensor& input, const CallContext& context) {
  check(graph_.outputs().size() == 1, "model: it has {} outputs, ask for all", graph_.outputs().size());
  return forward(std::vector<Tensor>{input}, context)[0];
}

bool Model::loss_takes_logits() const {
  if (composed_loss_.values) return false;
  return from_logits_ || (build_options_.fusion.loss_from_logits && has_logits(plan_->output_activation()));
}

Model::BatchResult Model::loss_of(const Batch& batch, bool training) {
  check(batch.labels.size() == 1, "model: a loss takes one label, not {}", batch.labels.size());
  check(batch.weights.empty(), "model: weights of samples are not supported");
  const Tensor& labels = batch.labels[0];
  bool logits = loss_takes_logits();
  CallContext context{training, state_.get()};
  DenseLoss at_once;
  auto with_loss = [&](const Dense& dense, const Tensor& x) {
    int64_t units = dense.units;
    if (!dense_loss_pays(x, units)) return dense.call_fused(x, Activation::linear);
    at_once = dense.call_with_loss(x, loss_, labels_like(labels, {x.shape()[0], units}, loss_));
    return at_once.logits;
  };
  bool can_fuse = training && logits && build_options_.fusion.loss_from_logits &&
                  (!from_logits_ || plan_->output_activation() == Activation::linear);
  Tensor outputs = plan_->run(checked(batch.inputs), context, logits && !from_logits_,
                              can_fuse ? Plan::LastDense(with_loss) : Plan::LastDense())[0];
  auto weighted = [&](const Tensor& loss) { return loss_weight_ == 1 ? loss : scale(loss, loss_weight_); };
  if (at_once.loss.defined()) return {weighted(at_once.loss), outputs};
  if (composed_loss_.values) return {weighted(mean_loss(composed_loss_, labels, outputs)), outputs};
  Tensor targets = labels_like(labels, outputs.shape(), loss_);
  Tensor loss =
      logits ? loss_from_logits(loss_, outputs, targets) : loss_from_probabilities(loss_, outputs, targets);
  return {weighted(loss), outputs};
}

Model::BatchResult Model::train_step(const Batch& batch) {
  Tape tape;
  BatchResult result = loss_of(batch, true);
  optimizer_->minimize(tape, result.loss, *state_, batch.inputs[0].shape()[0]);
  return result;
}

Tensor Model::train_on_batch(const Tensors& inputs, const Tensors& labels) {
  check(is_compiled(), "train_on_batch: the model is not compiled");
  return train_step({inputs, labels, {}}).loss;
}

void Model::add_to_totals(const BatchResult& result, const Batch& batch, const Tensor& totals) const {
  accumulate_metrics(loss_, result.loss, result.predictions, loss_takes_logits(),
                     labels_like(batch.labels[0], result.predictions.shape(), loss_), totals);
}

Logs Model::logs_of(const Tensor& totals) const {
  std::vector<double> sums = totals.to_vector<double>();
  Logs logs{{"loss", sums[0] / sums[2]}};
  for (Metric metric : metrics_)
    if (metric == Metric::accuracy) logs.emplace_back("accuracy", sums[1] / sums[2]);
  return logs;
}

}  // namespace manul
