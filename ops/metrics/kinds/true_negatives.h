#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' TrueNegatives: their weights added up, at each threshold.
struct TrueNegatives {
  std::vector<double> thresholds = {};  // empty: 0.5

  void describe(auto& description) { description.option("thresholds", thresholds); }
  operator MetricSpec() const {
    MetricSpec metric = metric_of_each_threshold("true_negatives", "TrueNegatives", thresholds, {}, {},
                                                 [](const Confusion& c) { return c.true_negatives; });
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool true_negatives_is_registered = register_metric<TrueNegatives>();

}  // namespace manul
