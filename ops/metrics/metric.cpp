#include "manul/ops/metrics/metric.h"

#include <algorithm>

#include "manul/framework/config/not_supported.h"
#include "manul/ops/metrics/accumulate.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/shape/shape_ops.h"

// Every header of ops/metrics/kinds, by CMake: what they register is in the table.
#include "manul_metrics.inc"

namespace manul {
namespace {

struct Table {
  std::vector<MetricSpec> defaults;
  std::vector<MetricFactory> factories;
};

Table& table() {
  static Table instance;
  return instance;
}

MetricSpec metric_of(const LossSpec& loss) {
  MetricSpec metric = mean_metric(loss.name, loss.class_name, {});
  metric.update = [loss](MetricBatch& batch, const Tensor& totals) {
    Tensor values = loss_values(loss, batch.labels, batch.predictions);
    if (values.shape().rank() == 0) values = values.view({1});
    accumulate_values_kernel(values, batch.weights, totals, Tensor(), Tensor());
  };
  metric.larger_is_better = false;
  metric.aliases = loss.aliases;
  metric.options = loss.options;
  return metric;
}

}  // namespace

bool register_metric(const MetricSpec& defaults, MetricFactory factory) {
  Table& metrics = table();
  for (const MetricSpec& known : metrics.defaults) {
    if (known.class_name != defaults.class_name) continue;
    check(known.name == defaults.name, "register_metric: there is a metric {} already", defaults.class_name);
    return true;
  }
  metrics.defaults.push_back(defaults);
  metrics.factories.push_back(std::move(factory));
  return true;
}

const std::vector<MetricSpec>& registered_metrics() {
  return table().defaults;
}

std::optional<MetricSpec> find_metric(const std::string& name, const Options& options) {
  const Table& metrics = table();
  auto has_name = [&](const MetricSpec& metric) {
    return metric.name == name ||
           std::find(metric.aliases.begin(), metric.aliases.end(), name) != metric.aliases.end();
  };
  auto has_class = [&](const MetricSpec& metric) { return metric.class_name == name; };
  auto found = std::find_if(metrics.defaults.begin(), metrics.defaults.end(), has_name);
  bool by_class = found == metrics.defaults.end();
  if (by_class) found = std::find_if(metrics.defaults.begin(), metrics.defaults.end(), has_class);
  if (found == metrics.defaults.end()) {
    LossSpec defaults = find_loss(name);
    if (!defaults.values) return std::nullopt;
    MetricSpec metric = metric_of(find_loss(name, options));
    if (name != metric.class_name) metric.name = name;
    return metric;
  }
  check_known("the metric " + found->name, found->options, options);
  MetricSpec metric = metrics.factories[found - metrics.defaults.begin()](options);
  if (!by_class) metric.name = name;
  return metric;
}

Tensor masked_weights(const Tensor& mask, const Tensor& weights) {
  DType dtype = mask.dtype() == DType::f64 ? DType::f64 : DType::f32;
  Tensor counts = cast(mask, dtype);
  if (!weights.defined()) return counts;
  Tensor factors = cast(weights, dtype);
  if (factors.elements() == counts.elements()) return multiply(counts, factors.view(counts.shape()));
  check(factors.elements() == counts.shape()[0], "weights {} do not fit a mask {}", weights.shape(),
        mask.shape());
  std::vector<int64_t> samples(counts.shape().rank(), 1);
  samples[0] = counts.shape()[0];
  return multiply(counts, broadcast_to(factors.view(Shape(samples)), counts.shape()));
}

MetricSpec mean_metric(std::string name, std::string class_name, LossSpec::Values values) {
  MetricSpec metric{name, std::move(class_name)};
  metric.heeds_masks = true;
  metric.totals = [](const Shape& /*predictions*/) { return int64_t{2}; };
  metric.update = [name, values](MetricBatch& batch, const Tensor& totals) {
    Tensor of_samples = values(labels_like(name, batch.labels, batch.predictions), batch.predictions);
    check(of_samples.shape().rank() > 0 && of_samples.shape()[0] == batch.predictions.shape()[0],
          "{}: it gives values {}, but a metric gives one a sample, {} of them", name, of_samples.shape(),
          batch.predictions.shape()[0]);
    accumulate_values_kernel(of_samples, batch.weights, totals, batch.take_loss(), batch.loss_totals);
  };
  metric.result = [](std::span<const double> totals) {
    return std::vector<double>{totals[1] == 0 ? 0 : totals[0] / totals[1]};
  };
  return metric;
}

Metric::Metric(const std::string& name) {
  std::optional<MetricSpec> found = find_metric(name);
  if (!found) fail(ErrorKind::usage, "there is no metric {}{}", name, why_not_supported("metrics", name));
  spec_ = std::move(*found);
}

Metric::Metric(MetricSpec spec) : spec_(std::move(spec)) {
  check(spec_.totals && spec_.update && spec_.result,
        "the metric {} does not say its totals, how a batch adds to them and what they mean", spec_.name);
}

Metric::Metric(const LossSpec& loss) : Metric(metric_of(loss)) {}

Metric::Metric(std::string name, LossSpec::Values values)
    : Metric(mean_metric(std::move(name), "", std::move(values))) {}

Metric Metric::named(std::string name) const {
  Metric metric = *this;
  metric.spec_.name = std::move(name);
  return metric;
}

}  // namespace manul
