#include "manul/models/training/objective.h"

#include <map>

#include "manul/framework/error.h"
#include "manul/models/graph/model.h"
#include "manul/models/graph/plan.h"

// What a Model makes of losses and metrics, output by output.
namespace manul {
namespace {

/// Labels of a binary loss may come as [N] for outputs [N, 1].
Tensor labels_like(const Tensor& labels, const Shape& outputs, Loss loss) {
  bool fits = loss == Loss::binary_crossentropy && labels.elements() == outputs.elements();
  return fits ? labels.view(outputs) : labels;
}

/// Keras' crossentropies take the logits of either, whichever of them stands before the loss.
bool has_logits(Activation activation) {
  return activation == Activation::sigmoid || activation == Activation::softmax;
}

/// Which accuracy "accuracy" is. Labels of a loss made of ops have the shape of the output.
Loss kind_of_accuracy(const OutputLoss& loss) {
  return loss.crossentropy().value_or(Loss::binary_crossentropy);
}

/// One for each output from one for all or one for each.
template <class T>
std::vector<T> for_each_output(const char* what, const std::vector<T>& given, size_t outputs, const T& none) {
  if (given.empty()) return std::vector<T>(outputs, none);
  check(given.size() == outputs, "compile: there are {} {}, the model has {} outputs", given.size(), what,
        outputs);
  return given;
}

}  // namespace

std::vector<std::string> Model::output_names() const {
  std::vector<std::string> names;
  std::map<std::string, int> counts;
  for (int node : graph_.outputs()) {
    const std::string& name = graph_.layers()[graph_.nodes()[node].layer]->name();
    int count = counts[name]++;
    names.push_back(count == 0 ? name : fmt::format("{}_{}", name, count));
  }
  return names;
}

void Model::set_objectives(const Losses& losses, const std::vector<Metric>& metrics,
                           const CompileOptions& options) {
  std::vector<std::string> names = output_names();
  std::vector<OutputLoss> each = for_each_output<OutputLoss>(
      "losses", losses.size() == 1 ? Losses(std::vector(names.size(), losses[0])) : losses, names.size(),
      nullptr);
  std::vector<double> weights = for_each_output("loss_weights", options.loss_weights, names.size(), 1.0);
  std::vector<std::vector<Metric>> output_metrics =
      for_each_output("lists of metrics", options.output_metrics, names.size(), metrics);
  std::vector<Objective> objectives;
  for (size_t i = 0; i < names.size(); ++i) {
    const Shape& shape = graph_.nodes()[graph_.outputs()[i]].shape;
    const std::optional<Loss>& crossentropy = each[i].crossentropy();
    check(!crossentropy || *crossentropy == Loss::binary_crossentropy || shape.rank() == 1,
          "compile: the loss is one over classes, but the output is {}", shape);
    each[i].from_logits = crossentropy && (each[i].from_logits || options.from_logits);
    objectives.push_back({names[i], each[i], weights[i], output_metrics[i]});
  }
  std::swap(objectives_, objectives);
  if (trained_outputs() > 0) return;
  std::swap(objectives_, objectives);
  fail(ErrorKind::failed, "compile: no output has a loss");
}

Loss Model::loss() const {
  for (const Objective& objective : objectives_)
    if (!objective.loss.is_none()) return kind_of_accuracy(objective.loss);
  return Loss::binary_crossentropy;
}

size_t Model::trained_outputs() const {
  size_t count = 0;
  for (const Objective& objective : objectives_) count += objective.loss.is_none() ? 0 : 1;
  return count;
}

bool Model::takes_logits(size_t output) const {
  const OutputLoss& loss = objectives_[output].loss;
  if (!loss.crossentropy()) return false;
  return loss.from_logits ||
         (build_options_.fusion.loss_from_logits && has_logits(plan_->output_activation(output)));
}

/// `loss_of_dense`: the loss, where the last dense computes it with its outputs.
std::vector<Tensor> Model::outputs_for_loss(const Batch& batch, bool training, Tensor& loss_of_dense) {
  std::vector<bool> without_activation;
  for (size_t i = 0; i < objectives_.size(); ++i)
    without_activation.push_back(takes_logits(i) && !objectives_[i].loss.from_logits);
  const OutputLoss& loss = objectives_[0].loss;
  auto with_loss = [&](const Dense& dense, const Tensor& x) {
    int64_t units = dense.units;
    if (!dense_loss_pays(x, units)) return dense.call_fused(x, Activation::linear);
    Loss kind = *loss.crossentropy();
    DenseLoss at_once =
        dense.call_with_loss(x, kind, labels_like(batch.labels[0], {x.shape()[0], units}, kind));
    loss_of_dense = at_once.loss;
    return at_once.logits;
  };
  bool can_fuse = training && objectives_.size() == 1 && batch.weights.empty() && takes_logits(0) &&
                  build_options_.fusion.loss_from_logits &&
                  (!loss.from_logits || plan_->output_activation(0) == Activation::linear);
  return plan_->run(checked(batch.inputs), {training, state_.get()}, without_activation,
                    can_fuse ? Plan::LastDense(with_loss) : Plan::LastDense());
}

Tensor Model::output_loss(size_t output, const Tensor& value, const Tensor& labels,
                          const Tensor& weights) const {
  const OutputLoss& loss = objectives_[output].loss;
  if (!loss.crossentropy())
    return mean_loss(loss.composed(), labels, value, weights.defined() ? weights.to(value.dtype()) : weights);
  Loss kind = *loss.crossentropy();
  Tensor targets = labels_like(labels, value.shape(), kind);
  return takes_logits(output) ? loss_from_logits(kind, value, targets, weights)
                              : loss_from_probabilities(kind, value, targets, weights);
}

Model::BatchResult Model::loss_of(const Batch& batch, bool training) {
  size_t trained = trained_outputs(), sets = batch.weights.size();
  check(batch.labels.size() == trained, "model: a batch has {} labels, {} outputs have a loss",
        batch.labels.size(), trained);
  check(sets <= 1 || sets == trained, "model: a batch has {} weights, {} outputs have a loss", sets, trained);
  Tensor loss_of_dense;
  BatchResult result{{}, {}, outputs_for_loss(batch, training, loss_of_dense)};
  for (size_t i = 0; i < objectives_.size(); ++i) {
    if (objectives_[i].loss.is_none()) continue;
    size_t k = result.losses.size();
    Tensor weights = sets == 0 ? Tensor() : batch.weights[sets == 1 ? 0 : k];
    Tensor loss =
        loss_of_dense.defined() ? loss_of_dense : output_loss(i, result.outputs[i], batch.labels[k], weights);
    double weight = objectives_[i].weight;
    Tensor part = weight == 1 ? loss : scale(loss, weight);
    result.losses.push_back(loss);
    result.loss = result.loss.defined() ? add(result.loss, part) : part;
  }
  return result;
}

Tensor Model::new_totals() const {
  return Tensor::zeros({static_cast<int64_t>(trained_outputs()) * 3}, DType::f64, device());
}

void Model::add_to_totals(const BatchResult& result, const Batch& batch, const Tensor& totals) const {
  size_t k = 0;
  for (size_t i = 0; i < objectives_.size(); ++i) {
    if (objectives_[i].loss.is_none()) continue;
    Loss kind = kind_of_accuracy(objectives_[i].loss);
    const Tensor& output = result.outputs[i];
    accumulate_metrics(kind, result.losses[k], output, takes_logits(i),
                       labels_like(batch.labels[k], output.shape(), kind),
                       totals.range(static_cast<int64_t>(k) * 3, {3}));
    ++k;
  }
}

/// As Keras 2.15 orders them: the loss, those of the outputs, their metrics.
Logs Model::logs_of(const Tensor& totals) const {
  std::vector<double> sums = totals.to_vector<double>();
  double total = 0;
  Logs losses, metrics;
  size_t k = 0;
  for (const Objective& objective : objectives_) {
    if (objective.loss.is_none()) continue;
    const double* own = &sums[3 * k++];
    std::string prefix = objectives_.size() == 1 ? "" : objective.output + "_";
    total += objective.weight * (own[0] / own[2]);
    losses.emplace_back(prefix + "loss", own[0] / own[2]);
    for (Metric metric : objective.metrics)
      if (metric == Metric::accuracy) metrics.emplace_back(prefix + "accuracy", own[1] / own[2]);
  }
  Logs logs{{"loss", total}};
  if (objectives_.size() > 1) logs.insert(logs.end(), losses.begin(), losses.end());
  logs.insert(logs.end(), metrics.begin(), metrics.end());
  return logs;
}

}  // namespace manul
