#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' FalsePositives: their weights added up, at each threshold.
struct FalsePositives {
  std::vector<double> thresholds = {};  // empty: 0.5

  void describe(auto& description) { description.option("thresholds", thresholds); }
  operator MetricSpec() const {
    MetricSpec metric = metric_of_each_threshold("false_positives", "FalsePositives", thresholds, {}, {},
                                                 [](const Confusion& c) { return c.false_positives; });
    metric.larger_is_better = false;
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool false_positives_is_registered = register_metric<FalsePositives>();

}  // namespace manul
