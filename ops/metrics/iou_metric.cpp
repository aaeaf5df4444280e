#include "manul/ops/metrics/iou_metric.h"

#include <algorithm>

#include "manul/ops/metrics/accumulate.h"

namespace manul {
namespace {

/// The mean of intersection / union over `targets` (all classes if empty) that occur, from a matrix of labels
/// and predictions.
double mean_iou(std::span<const double> matrix, int64_t classes, const std::vector<double>& targets) {
  double sum = 0, occurring = 0;
  for (int64_t c = 0; c < classes; ++c) {
    bool wanted =
        targets.empty() || std::find(targets.begin(), targets.end(), static_cast<double>(c)) != targets.end();
    double unions = -matrix[c * classes + c];
    for (int64_t i = 0; i < classes; ++i) unions += matrix[c * classes + i] + matrix[i * classes + c];
    if (!wanted || unions <= 0) continue;
    sum += matrix[c * classes + c] / (unions + 1e-7);
    occurring += 1;
  }
  return occurring == 0 ? 0 : sum / occurring;
}

void check_votes_fit(const std::string& name, const MetricBatch& batch, int64_t classes,
                     const ClassPairs& pairs) {
  check(classes > 1, "{}: num_classes is to be given, and at least 2", name);
  auto votes_of = [&](const Tensor& values, ClassPairs::Rule rule, const char* what) {
    if (rule != ClassPairs::Rule::largest) return values.elements();
    check(values.shape().rank() > 0 && values.shape()[-1] == classes, "{}: {} {} are not of {} classes", name,
          what, values.shape(), classes);
    return values.elements() / classes;
  };
  check(votes_of(batch.labels, pairs.of_labels, "labels") ==
            votes_of(batch.predictions, pairs.of_predictions, "predictions"),
        "{}: labels {} do not fit predictions {}", name, batch.labels.shape(), batch.predictions.shape());
}

}  // namespace

IoUMetric::operator MetricSpec() const {
  for (double target : target_class_ids)
    check(num_classes == 0 || (target >= 0 && target < static_cast<double>(num_classes)),
          "{}: the target class {} is not one of 0 to {}", name, target, num_classes - 1);
  ClassPairs pairs;
  if (!sparse_y_true) pairs.of_labels = ClassPairs::Rule::largest;
  if (!sparse_y_pred) pairs.of_predictions = ClassPairs::Rule::largest;
  if (ignore_class) pairs.ignored = *ignore_class;
  if (threshold) pairs.of_predictions = ClassPairs::Rule::above_threshold;
  if (threshold) pairs.threshold = *threshold;
  MetricSpec metric{name, class_name};
  metric.larger_is_better = true;
  metric.totals = [classes = num_classes](const Shape& /*predictions*/) { return classes * classes; };
  metric.update = [name = name, classes = num_classes, pairs](MetricBatch& batch, const Tensor& totals) {
    check_votes_fit(name, batch, classes, pairs);
    accumulate_class_pairs_kernel(pairs, batch.predictions, batch.labels, batch.weights,
                                  totals.view({classes, classes}));
  };
  metric.result = [classes = num_classes, targets = target_class_ids](std::span<const double> totals) {
    return std::vector{mean_iou(totals, classes, targets)};
  };
  return metric;
}

}  // namespace manul
