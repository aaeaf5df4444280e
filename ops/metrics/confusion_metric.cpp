#include "manul/ops/metrics/confusion_metric.h"

#include <algorithm>

#include "manul/ops/metrics/accumulate.h"
#include "manul/ops/metrics/match_metric.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

ConfusionMetric::operator MetricSpec() const {
  MetricSpec metric{name, class_name};
  metric.larger_is_better = larger_is_better;
  int64_t many = static_cast<int64_t>(thresholds.size());
  metric.totals = [many](const Shape& /*predictions*/) { return 4 * many; };
  metric.update = [name = name, class_id = class_id, from_logits = from_logits,
                   at = DeviceNumbers(thresholds)](MetricBatch& batch, const Tensor& totals) {
    check_elements_fit(name, batch);
    Elements elements;
    if (class_id) {
      int64_t classes = batch.predictions.shape()[-1];
      check(*class_id >= 0 && *class_id < classes, "{}: there is no class {}, predictions are {}", name,
            *class_id, batch.predictions.shape());
      elements = {*class_id, classes};
    }
    Tensor predictions = from_logits ? sigmoid(batch.predictions) : batch.predictions;
    accumulate_confusion_kernel(elements, predictions, batch.labels, batch.weights,
                                at.on(predictions.device()), totals);
  };
  metric.result = [many, result = result](std::span<const double> totals) {
    std::vector<Confusion> confusions(many);
    for (int64_t t = 0; t < many; ++t)
      confusions[t] = {totals[t], totals[many + t], totals[2 * many + t], totals[3 * many + t]};
    return result(confusions);
  };
  return metric;
}

MetricSpec metric_of_each_threshold(const std::string& name, const std::string& class_name,
                                    const std::vector<double>& thresholds, std::optional<int64_t> class_id,
                                    double (*value)(const Confusion& confusion)) {
  for (double threshold : thresholds)
    check(threshold >= 0 && threshold <= 1, "{}: a threshold lies between 0 and 1, not at {}", name,
          threshold);
  return ConfusionMetric{.name = name,
                         .class_name = class_name,
                         .thresholds = thresholds.empty() ? std::vector{0.5} : thresholds,
                         .class_id = class_id,
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
