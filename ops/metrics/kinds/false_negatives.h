#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' FalseNegatives: their weights added up, at each threshold.
struct FalseNegatives {
  std::vector<double> thresholds = {};  // empty: 0.5

  void describe(auto& description) { description.option("thresholds", thresholds); }
  operator MetricSpec() const {
    MetricSpec metric = metric_of_each_threshold("false_negatives", "FalseNegatives", thresholds, {}, {},
                                                 [](const Confusion& c) { return c.false_negatives; });
    metric.larger_is_better = false;
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool false_negatives_is_registered = register_metric<FalseNegatives>();

}  // namespace manul
