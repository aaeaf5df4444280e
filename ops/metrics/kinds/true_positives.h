#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' TruePositives: their weights added up, at each threshold.
struct TruePositives {
  std::vector<double> thresholds = {};  // empty: 0.5

  void describe(auto& description) { description.option("thresholds", thresholds); }
  operator MetricSpec() const {
    MetricSpec metric = metric_of_each_threshold("true_positives", "TruePositives", thresholds, {}, {},
                                                 [](const Confusion& c) { return c.true_positives; });
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool true_positives_is_registered = register_metric<TruePositives>();

}  // namespace manul
