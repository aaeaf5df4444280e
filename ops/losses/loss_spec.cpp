#include "manul/ops/losses/loss_spec.h"

#include <algorithm>
#include <cmath>

#include "manul/framework/distributed/parts.h"
#include "manul/framework/error.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"

// Every header of ops/losses/kinds, by CMake: what they register is in the table.
#include "manul_losses.inc"

namespace manul {
namespace {

struct Table {
  std::vector<LossSpec> defaults;
  std::vector<LossFactory> factories;
};

Table& table() {
  static Table instance;
  return instance;
}

bool is_called(const LossSpec& loss, const std::string& name) {
  return name == loss.name || name == loss.class_name ||
         std::find(loss.aliases.begin(), loss.aliases.end(), name) != loss.aliases.end();
}

/// [N, ..] times weights: [N], of the samples, or [N, ..].
Tensor weighted(const LossSpec& loss, const Tensor& values, const Tensor& weights) {
  Tensor factors = cast(weights, values.dtype());
  if (values.shape().rank() == 0) return multiply(values, mean(factors));  // of the whole batch: as in Keras
  if (weights.elements() == values.elements()) return multiply(values, factors.view(values.shape()));
  check(weights.elements() == values.shape()[0], "{}: weights {} do not fit values {}", loss.name,
        weights.shape(), values.shape());
  std::vector<int64_t> samples(values.shape().rank(), 1);
  samples[0] = values.shape()[0];
  return multiply(values, broadcast_to(factors.view(Shape(samples)), values.shape()));
}

}  // namespace

bool register_loss(const LossSpec& defaults, LossFactory factory) {
  Table& losses = table();
  for (const LossSpec& known : losses.defaults) {
    if (known.name == defaults.name && known.class_name == defaults.class_name) return true;
    check(!is_called(known, defaults.name), "register_loss: there is a loss {} already", defaults.name);
  }
  losses.defaults.push_back(defaults);
  losses.factories.push_back(std::move(factory));
  return true;
}

const std::vector<LossSpec>& registered_losses() {
  return table().defaults;
}

LossSpec find_loss(const std::string& name, const LossSpec::Options& options) {
  const Table& losses = table();
  for (size_t i = 0; i < losses.defaults.size(); ++i) {
    const LossSpec& defaults = losses.defaults[i];
    if (!is_called(defaults, name)) continue;
    check_known("the loss " + defaults.name, defaults.options, options);
    return losses.factories[i](options);
  }
  return {};
}

Tensor labels_like(const std::string& what, const Tensor& labels, const Tensor& predictions) {
  check(predictions.shape().rank() > 0 && labels.elements() == predictions.elements() &&
            labels.shape().rank() > 0 && labels.shape()[0] == predictions.shape()[0],
        "{}: labels {} do not fit predictions {}", what, labels.shape(), predictions.shape());
  return cast(labels.view(predictions.shape()), predictions.dtype());
}

Tensor loss_values(const LossSpec& loss, const Tensor& labels, const Tensor& given, bool from_logits) {
  Tensor predictions = cast(given, compute_dtype(given.dtype()));
  check(predictions.shape().rank() > 0 && predictions.elements() > 0, "{}: predictions {} have no elements",
        loss.name, predictions.shape());
  Tensor targets = loss.labels_as_given ? labels : labels_like(loss.name, labels, predictions);
  Tensor values = (from_logits ? loss.values_from_logits : loss.values)(targets, predictions);
  check(values.shape().rank() == 0 || values.shape()[0] == predictions.shape()[0],
        "{}: it gives values {}, but a loss gives one a sample, {} of them", loss.name, values.shape(),
        predictions.shape()[0]);
  return values;
}

Tensor mean_loss(const LossSpec& loss, const Tensor& labels, const Tensor& predictions, const Tensor& weights,
                 bool from_logits, const BatchPart& part) {
  Tensor values = loss_values(loss, labels, predictions, from_logits);
  Tensor counted = loss.counted ? loss.counted(labels, values) : Tensor();
  if (weights.defined()) values = weighted(loss, values, weights);
  double parts = part.is_whole() ? 1 : static_cast<double>(part.total) / static_cast<double>(part.length);
  if (loss.reduction == LossReduction::sum) return parts == 1 ? sum(values) : scale(sum(values), parts);
  if (!counted.defined()) return mean(values);
  parts *= static_cast<double>(counted.elements()) / static_cast<double>(values.elements());
  return divide(scale(sum(values), parts), maximum(sum_of_parts(sum(counted), part), 1));
}

Tensor mean_of_rows(const Tensor& x) {
  if (x.shape().rank() == 1) return x;
  return x.shape()[-1] == 1 ? reshape(x, without_axes(x.shape(), {x.shape().rank() - 1}, false))
                            : mean(x, -1);
}
Tensor normalized_rows(const Tensor& x) {
  return divide(x, broadcast_to(sum(x, -1, true), x.shape()));
}
Tensor sums_over(const Tensor& x, const std::vector<double>& axes) {
  std::vector<int> over;
  for (double axis : axes) over.push_back(static_cast<int>(axis));
  return over.empty() ? sum(x) : sum(x, Axes(over));
}
Tensor cosine_of_rows(const Tensor& a, const Tensor& b) {
  auto length = [](const Tensor& x) { return sqrt(maximum(sum(square(x), -1), 1e-12)); };
  return divide(sum(multiply(a, b), -1), multiply(length(a), length(b)));
}
Tensor signs(const Tensor& labels) {
  // 0 where all labels are 0 or 1, else 1: y (y - 1) is 0 of those alone.
  Tensor others = minimum(scale(sum(square(multiply(labels, scale(labels, 1, -1)))), 1e30), 1);
  return add(multiply(labels, scale(others, -1, 2)), scale(others, 1, -1));
}
Tensor clipped_probability(const Tensor& x) {
  return clip(x, 1e-7, 1 - 1e-7);
}

}  // namespace manul
