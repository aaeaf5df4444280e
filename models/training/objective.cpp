#include "manul/models/training/objective.h"

#include <algorithm>
#include <map>

#include "manul/framework/distributed/parts.h"
#include "manul/framework/error.h"
#include "manul/models/graph/inference.h"
#include "manul/models/graph/model.h"
#include "manul/models/graph/plan.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/ops/shape/shape_ops.h"

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

/// Whether the kernels that compute a mean loss at once take these labels and weights.
bool takes_plainly(Loss loss, const Shape& outputs, DType dtype, const Tensor& labels,
                   const Tensor& weights) {
  if (weights.defined() && (weights.dtype() != DType::f32 || weights.elements() != outputs[0])) return false;
  if (loss == Loss::binary_crossentropy) return labels.dtype() == dtype || labels.dtype() == DType::i32;
  return outputs.rank() == 2 &&
         labels.dtype() == (loss == Loss::categorical_crossentropy ? dtype : DType::i32);
}

/// One for each output from one for all or one for each.
template <class T>
std::vector<T> for_each_output(const char* what, const std::vector<T>& given, size_t outputs, const T& none) {
  if (given.empty()) return std::vector<T>(outputs, none);
  check(given.size() == outputs, "compile: there are {} {}, the model has {} outputs", given.size(), what,
        outputs);
  return given;
}

/// The mask of an output; undefined: it has none.
Tensor mask_of(const std::vector<Tensor>& masks, size_t output) {
  return masks.empty() ? Tensor() : masks[output];
}

/// A mask whose places that count weigh so much that a mean over all places is one over these; none counts:
/// zeros, as in Keras.
Tensor as_mean(const Tensor& mask, const BatchPart& part) {
  Tensor counts = masked_weights(mask, {});
  int64_t places = part.is_whole() ? mask.elements() : mask.elements() / part.length * part.total;
  Tensor weight = divide(Tensor::full({1}, static_cast<double>(places), counts.dtype(), mask.device()),
                         maximum(reshape(sum_of_parts(sum(counts), part), {1}), 1));
  return multiply(counts, weight);
}

/// What the regularizers of trained weights add to the loss, as in Keras; undefined without any.
Tensor penalty_of(const ParameterSet& parameters) {
  Tensor total;
  for (const Parameter& parameter : parameters.all()) {
    if (!parameter.trainable || !parameter.regularizer) continue;
    Tensor penalty = parameter.regularizer->penalty(parameter.value);
    total = total.defined() ? add(total, penalty) : penalty;
  }
  return total;
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
  std::vector<std::vector<Metric>> weighted_metrics = for_each_output(
      "lists of weighted metrics", options.output_weighted_metrics, names.size(), options.weighted_metrics);
  std::vector<Objective> objectives;
  for (size_t i = 0; i < names.size(); ++i) {
    const Shape& shape = graph_.nodes()[graph_.outputs()[i]].shape;
    if (options.from_logits && !each[i].is_none()) each[i] = each[i].of_logits();
    objectives.push_back(
        {names[i], each[i], weights[i], OutputMetrics(output_metrics[i], weighted_metrics[i], shape)});
  }
  std::swap(objectives_, objectives);
  if (trained_outputs() > 0) return;
  std::swap(objectives_, objectives);
  fail(ErrorKind::failed, "compile: no output has a loss");
}

const LossSpec& Model::loss() const {
  check_compiled("loss");
  for (const Objective& objective : objectives_)
    if (!objective.loss.is_none()) return objective.loss.spec();
  fail(ErrorKind::failed, "loss: no output has one");
}

size_t Model::trained_outputs() const {
  size_t count = 0;
  for (const Objective& objective : objectives_) count += objective.loss.is_none() ? 0 : 1;
  return count;
}

bool Model::leaves_out_activation(size_t output) const {
  check_compiled("model");
  check(output < objectives_.size(), "model: it has {} outputs, and none of number {}", objectives_.size(),
        output);
  const LossSpec& loss = objectives_[output].loss.spec();
  return loss.values_from_logits && !loss.from_logits && build_options_.fusion.loss_from_logits &&
         has_logits(plan_->output_activation(output));
}

bool Model::computes_at_once(size_t output, const Shape& value, const Tensor& labels,
                             const Tensor& weights) const {
  const LossSpec& loss = objectives_[output].loss.spec();
  return loss.plain && loss.reduction == LossReduction::sum_over_batch_size &&
         takes_plainly(*loss.plain, value, build_options_.dtype, labels, weights);
}

/// Whether what predict() runs gives what losses and metrics are computed from: nothing is added to the loss,
/// and activations can be left out where a loss takes logits.
bool Model::evaluates_by_inference() {
  if (plan_->adds_losses()) return false;
  for (size_t i = 0; i < objectives_.size(); ++i)
    if (inference().plan().output_activation(i) != plan_->output_activation(i)) return false;
  return true;
}

void Model::prepare_evaluation() {
  if (evaluates_by_inference()) inference().prepare();
}

/// Whether there may be something in a BatchResult::penalty.
bool Model::has_penalties() const {
  const std::vector<ParameterPtr>& all = parameters_->pointers();
  return plan_->adds_losses() || std::any_of(all.begin(), all.end(), [](const ParameterPtr& parameter) {
           return parameter->regularizer != nullptr;
         });
}

/// `loss_of_dense`: the loss, where the last dense computes it with its outputs. `added`: what layers add.
std::vector<Tensor> Model::outputs_for_loss(const Batch& batch, bool training, Tensor& loss_of_dense,
                                            std::vector<Tensor>& added, std::vector<Tensor>& masks) {
  std::vector<bool> without_activation;
  for (size_t i = 0; i < objectives_.size(); ++i) without_activation.push_back(leaves_out_activation(i));
  const LossSpec& loss = objectives_[0].loss.spec();
  auto with_loss = [&](const Dense& dense, const Tensor& x) {
    Shape outputs{x.shape()[0], dense.units};
    if (!dense_loss_pays(x, dense.units) || !computes_at_once(0, outputs, batch.labels[0], {}))
      return dense.call_fused(x, Activation::linear);
    DenseLoss at_once =
        dense.call_with_loss(x, *loss.plain, labels_like(batch.labels[0], outputs, *loss.plain));
    loss_of_dense = at_once.loss;
    return at_once.logits;
  };
  bool can_fuse =
      training && objectives_.size() == 1 && batch.weights.empty() && !plan_->gives_masks() && loss.plain &&
      build_options_.fusion.loss_from_logits &&
      (leaves_out_activation(0) || (loss.from_logits && plan_->output_activation(0) == Activation::linear));
  std::vector<Tensor>* losses = plan_->adds_losses() ? &added : nullptr;
  bool infers = !training && evaluates_by_inference();
  return (infers ? inference().plan() : *plan_)
      .run(checked(batch.inputs), {training, state_.get(), losses},
           {.without_activation = without_activation,
            .last_dense = can_fuse ? PlanRun::LastDense(with_loss) : PlanRun::LastDense(),
            .masks = plan_->gives_masks() ? &masks : nullptr,
            .casts = infers ? &inference().casts() : nullptr});
}

Tensor Model::output_loss(size_t output, const Tensor& value, const Tensor& labels, const Tensor& weights,
                          const BatchPart& part) const {
  const LossSpec& loss = objectives_[output].loss.spec();
  bool left_out = leaves_out_activation(output);
  if (!computes_at_once(output, value.shape(), labels, weights))
    return mean_loss(loss, labels, value, weights, left_out, part);
  Tensor targets = labels_like(labels, value.shape(), *loss.plain);
  return left_out || loss.from_logits ? loss_from_logits(*loss.plain, value, targets, weights)
                                      : loss_from_probabilities(*loss.plain, value, targets, weights);
}

Model::BatchResult Model::loss_of(const Batch& batch, bool training, const BatchPart& part) {
  size_t trained = trained_outputs(), sets = batch.weights.size();
  check(batch.labels.size() == trained, "model: a batch has {} labels, {} outputs have a loss",
        batch.labels.size(), trained);
  check(sets <= 1 || sets == trained, "model: a batch has {} weights, {} outputs have a loss", sets, trained);
  Tensor loss_of_dense;
  std::vector<Tensor> added;
  BatchResult result;
  result.outputs = outputs_for_loss(batch, training, loss_of_dense, added, result.masks);
  for (size_t i = 0; i < objectives_.size(); ++i) {
    if (objectives_[i].loss.is_none()) continue;
    size_t k = result.losses.size();
    Tensor weights = sets == 0 ? Tensor() : batch.weights[sets == 1 ? 0 : k];
    if (Tensor mask = mask_of(result.masks, i); mask.defined()) {
      bool is_mean = objectives_[i].loss.spec().reduction == LossReduction::sum_over_batch_size;
      weights = masked_weights(is_mean ? as_mean(mask, part) : mask, weights);
    }
    Tensor loss = loss_of_dense.defined() ? loss_of_dense
                                          : output_loss(i, result.outputs[i], batch.labels[k], weights, part);
    double weight = objectives_[i].weight;
    Tensor part = weight == 1 ? loss : scale(loss, weight);
    result.losses.push_back(loss);
    result.loss = result.loss.defined() ? add(result.loss, part) : part;
  }
  result.penalty = penalty_of(*parameters_);
  for (const Tensor& part : added) {
    Tensor wide = cast(part, compute_dtype(part.dtype()));
    result.penalty = result.penalty.defined() ? add(result.penalty, wide) : wide;
  }
  if (result.penalty.defined()) result.loss = add(result.loss, result.penalty);
  return result;
}

Tensor Model::new_totals() const {
  int64_t count = has_penalties() ? 1 : 0;
  for (const Objective& objective : objectives_)
    if (!objective.loss.is_none()) count += 2 + objective.metrics.totals();
  return Tensor::zeros({count}, DType::f64, device());
}

void Model::add_to_totals(const BatchResult& result, const Batch& batch, const Tensor& totals) const {
  size_t k = 0;
  int64_t first = 0;
  for (size_t i = 0; i < objectives_.size(); ++i) {
    const Objective& objective = objectives_[i];
    if (objective.loss.is_none()) continue;
    bool logits = leaves_out_activation(i), as_they_are = !logits || objective.metrics.take_logits();
    size_t sets = batch.weights.size();
    MetricBatch seen{.labels = batch.labels[k],
                     .predictions = as_they_are ? result.outputs[i]
                                                : activate(result.outputs[i], plan_->output_activation(i)),
                     .weights = sets == 0 ? Tensor() : batch.weights[sets == 1 ? 0 : k],
                     .mask = mask_of(result.masks, i),
                     .logits = logits && as_they_are,
                     .loss = result.losses[k],
                     .loss_totals = totals.range(first, {2})};
    objective.metrics.add(seen, totals.range(first + 2, {objective.metrics.totals()}));
    first += 2 + objective.metrics.totals();
    ++k;
  }
  if (!result.penalty.defined()) return;
  Tensor sum = totals.range(totals.elements() - 1, {1});
  auto samples = static_cast<double>(batch.inputs[0].shape()[0]);
  sum.copy_from(add(sum, scale(cast(result.penalty, DType::f64).view({1}), samples)));
}

/// As Keras 2.15 orders them: the loss, those of the outputs, their metrics.
Logs Model::logs_of(const Tensor& totals) const {
  std::vector<double> sums = totals.to_vector<double>();
  double total = 0;
  Logs losses, metrics;
  std::span<const double> rest(sums);
  for (const Objective& objective : objectives_) {
    if (objective.loss.is_none()) continue;
    std::string prefix = objectives_.size() == 1 ? "" : objective.output + "_";
    total += objective.weight * (rest[0] / rest[1]);
    losses.emplace_back(prefix + "loss", rest[0] / rest[1]);
    objective.metrics.add_to(metrics, rest.subspan(2), prefix);
    rest = rest.subspan(2 + objective.metrics.totals());
  }
  if (has_penalties()) total += sums.back() / sums[1];
  Logs logs{{"loss", total}};
  if (objectives_.size() > 1) logs.insert(logs.end(), losses.begin(), losses.end());
  logs.insert(logs.end(), metrics.begin(), metrics.end());
  return logs;
}

}  // namespace manul
