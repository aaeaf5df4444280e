#pragma once

#include "manul/ops/metrics/metric.h"

namespace manul {

/// How many elements are positive or not, rightly or wrongly, weighted, at one threshold.
struct Confusion {
  double true_positives, false_positives, true_negatives, false_negatives;
};

/// a / b, or 0 where b is 0.
inline double ratio(double a, double b) {
  return b == 0 ? 0 : a / b;
}

inline double precision_of(const Confusion& c) {
  return ratio(c.true_positives, c.true_positives + c.false_positives);
}
/// The sensitivity.
inline double recall_of(const Confusion& c) {
  return ratio(c.true_positives, c.true_positives + c.false_negatives);
}
inline double specificity_of(const Confusion& c) {
  return ratio(c.true_negatives, c.true_negatives + c.false_positives);
}

/// A metric of the confusions at each of `thresholds` (predictions > threshold are positive), of all
/// elements, of one class alone, or of each class by itself.
struct ConfusionMetric {
  std::string name, class_name;
  std::vector<double> thresholds;
  std::optional<int64_t> class_id = {};
  std::optional<int64_t> top_k = {};       // of a row at most so many are positive
  bool each_class = false;                 // predictions [N, classes]; confusions [thresholds, classes]
  std::vector<double> label_weights = {};  // of the classes, each by its confusions; empty: all 1
  bool from_logits = false;                // the model's outputs are logits: their sigmoid is looked at
  std::function<std::vector<double>(std::span<const Confusion> confusions)> result;
  bool larger_is_better = true;

  operator MetricSpec() const;
};

/// One value for each threshold; where there are none: 0.5, or with top_k none at all.
MetricSpec metric_of_each_threshold(const std::string& name, const std::string& class_name,
                                    const std::vector<double>& thresholds, std::optional<int64_t> top_k,
                                    std::optional<int64_t> class_id,
                                    double (*value)(const Confusion& confusion));

/// The largest `value` at one of `num_thresholds` thresholds, evenly spread from 0 to 1 (0.5 if it is one),
/// where `constrained` is at least `least`; 0 if there is none.
MetricSpec best_where(const std::string& name, const std::string& class_name, int64_t num_thresholds,
                      std::optional<int64_t> class_id, double least,
                      double (*constrained)(const Confusion& confusion),
                      double (*value)(const Confusion& confusion));

}  // namespace manul
