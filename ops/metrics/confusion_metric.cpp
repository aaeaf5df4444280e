#include "manul/ops/metrics/confusion_metric.h"

#include <algorithm>

#include "manul/ops/metrics/accumulate.h"
#include "manul/ops/metrics/match_metric.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

namespace {

Elements elements_of(const ConfusionMetric& metric, const Shape& predictions) {
  Elements elements;
  int64_t classes = predictions[-1];
  if (metric.each_class) elements = {.classes = classes, .columns = classes};
  if (metric.class_id) {
    check(*metric.class_id >= 0 && *metric.class_id < classes, "{}: there is no class {}, predictions are {}",
          metric.name, *metric.class_id, predictions);
    elements = {.classes = classes, .first = *metric.class_id};
  }
  if (metric.top_k) {
    check(*metric.top_k <= classes, "{}: there are no {} classes for top_k, predictions are {}", metric.name,
          *metric.top_k, predictions);
    elements.top_k = *metric.top_k;
    elements.row = classes;
  }
  int64_t weights = static_cast<int64_t>(metric.label_weights.size());
  check(weights == 0 || weights == classes, "{}: {} label_weights do not fit predictions {}", metric.name,
        weights, predictions);
  return elements;
}

}  // namespace

ConfusionMetric::operator MetricSpec() const {
  check(top_k.value_or(1) > 0, "{}: top_k is at least 1, not {}", name, top_k.value_or(1));
  MetricSpec metric{name, class_name};
  metric.larger_is_better = larger_is_better;
  int64_t many = static_cast<int64_t>(thresholds.size());
  metric.totals = [many, name = name, each_class = each_class](const Shape& predictions) {
    check(!each_class || predictions.rank() == 1, "{}: a sample's predictions are a row of labels, not {}",
          name, predictions);
    return 4 * many * (each_class ? predictions[0] : 1);
  };
  DeviceNumbers at(thresholds), of_labels(label_weights);
  metric.update = [settings = *this, at, of_labels](MetricBatch& batch, const Tensor& totals) {
    check_elements_fit(settings.name, batch);
    Elements elements = elements_of(settings, batch.predictions.shape());
    Tensor predictions = settings.from_logits ? sigmoid(batch.predictions) : batch.predictions;
    Tensor factors =
        settings.label_weights.empty() || settings.each_class ? Tensor() : of_labels.on(predictions.device());
    accumulate_confusion_kernel(elements, predictions, batch.labels, batch.weights, factors,
                                at.on(predictions.device()), totals);
  };
  metric.result = [result = result](std::span<const double> totals) {
    size_t many = totals.size() / 4;
    std::vector<Confusion> confusions(many);
    for (size_t t = 0; t < many; ++t)
      confusions[t] = {totals[t], totals[many + t], totals[2 * many + t], totals[3 * many + t]};
    return result(confusions);
  };
  return metric;
}

MetricSpec metric_of_each_threshold(const std::string& name, const std::string& class_name,
                                    const std::vector<double>& thresholds, std::optional<int64_t> top_k,
                                    std::optional<int64_t> class_id,
                                    double (*value)(const Confusion& confusion)) {
  for (double threshold : thresholds)
    check(threshold >= 0 && threshold <= 1, "{}: a threshold lies between 0 and 1, not at {}", name,
          threshold);
  constexpr double below_all = -1e10;  // as in Keras
  double usual = top_k ? below_all : 0.5;
  return ConfusionMetric{.name = name,
                         .class_name = class_name,
                         .thresholds = thresholds.empty() ? std::vector{usual} : thresholds,
                         .class_id = class_id,
                         .top_k = top_k,
                         .result = [value](std::span<const Confusion> confusions) {
                           std::vector<double> values;
                           for (const Confusion& confusion : confusions) values.push_back(value(confusion));
                           return values;
                         }};
}

MetricSpec best_where(const std::string& name, const std::string& class_name, int64_t num_thresholds,
                      std::optional<int64_t> class_id, double least,
                      double (*constrained)(const Confusion& confusion),
                      double (*value)(const Confusion& confusion)) {
  check(num_thresholds > 0, "{}: num_thresholds is at least 1, not {}", name, num_thresholds);
  check(least >= 0 && least <= 1, "{}: the value to be reached lies between 0 and 1, not at {}", name, least);
  std::vector<double> thresholds;
  for (int64_t i = 0; num_thresholds > 1 && i < num_thresholds; ++i)
    thresholds.push_back(static_cast<double>(i) / static_cast<double>(num_thresholds - 1));
  if (thresholds.empty()) thresholds = {0.5};
  return ConfusionMetric{.name = name,
                         .class_name = class_name,
                         .thresholds = thresholds,
                         .class_id = class_id,
                         .result = [=](std::span<const Confusion> confusions) {
                           double best = 0;
                           for (const Confusion& confusion : confusions)
                             if (constrained(confusion) >= least) best = std::max(best, value(confusion));
                           return std::vector{best};
                         }};
}

}  // namespace manul
