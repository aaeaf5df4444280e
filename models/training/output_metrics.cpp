#include "manul/models/training/output_metrics.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/ops/metrics/accumulate.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

OutputMetrics::OutputMetrics(std::vector<Metric> metrics, std::vector<Metric> weighted,
                             const Shape& predictions)
    : metrics_(std::move(metrics)), weighted_(std::move(weighted)) {
  auto is_taken = [&](const std::string& column) {
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const Entry& entry) { return entry.column == column; });
  };
  auto enter = [&](const Metric& metric, bool is_weighted) {
    int64_t count = metric.spec().totals(predictions);
    std::string column = metric.name();
    if (is_weighted && is_taken(column)) column = "weighted_" + column;
    for (int more = 1; is_taken(column); ++more) column = fmt::format("{}_{}", metric.name(), more);
    entries_.push_back({metric, is_weighted, column, totals_, count});
    totals_ += count;
  };
  for (const Metric& metric : metrics_) enter(metric, false);
  for (const Metric& metric : weighted_) enter(metric, true);
}

const MetricSpec* OutputMetrics::of_column(const std::string& column) const {
  for (const Entry& entry : entries_) {
    bool one_of_several =
        column.starts_with(entry.column + "_") &&
        column.find_first_not_of("0123456789", entry.column.size() + 1) == std::string::npos;
    if (column == entry.column || one_of_several) return &entry.metric.spec();
  }
  return nullptr;
}

bool OutputMetrics::take_logits() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.metric.spec().takes_logits; });
}

void OutputMetrics::add(MetricBatch& batch, const Tensor& totals) const {
  Tensor weights = batch.weights;
  int64_t samples = batch.predictions.shape()[0];
  for (const Entry& entry : entries_) {
    batch.weights = entry.weighted ? weights : Tensor();
    if (batch.mask.defined() && entry.metric.spec().heeds_masks)
      batch.weights = cast(masked_weights(batch.mask, batch.weights), DType::f32);
    entry.metric.spec().update(batch, totals.range(entry.first, {entry.count}));
  }
  batch.weights = weights;
  if (Tensor loss = batch.take_loss(); loss.defined())
    accumulate_loss_kernel(loss, samples, batch.loss_totals);
}

void OutputMetrics::add_to(Logs& logs, std::span<const double> totals, const std::string& prefix) const {
  for (const Entry& entry : entries_) {
    std::vector<double> values = entry.metric.spec().result(totals.subspan(entry.first, entry.count));
    for (size_t i = 0; i < values.size(); ++i)
      logs.emplace_back(prefix + (values.size() == 1 ? entry.column : fmt::format("{}_{}", entry.column, i)),
                        values[i]);
  }
}

}  // namespace manul
