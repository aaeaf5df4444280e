#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' Precision: how many of the positive predictions are right.
struct Precision {
  std::vector<double> thresholds = {};   // empty: 0.5
  std::optional<int64_t> top_k = {};     // of a row at most so many are positive
  std::optional<int64_t> class_id = {};  // of this class alone

  void describe(auto& description) {
    description.option("thresholds", thresholds);
    description.option("top_k", top_k);
    description.option("class_id", class_id);
  }
  operator MetricSpec() const {
    MetricSpec metric =
        metric_of_each_threshold("precision", "Precision", thresholds, top_k, class_id, precision_of);
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool precision_is_registered = register_metric<Precision>();

}  // namespace manul
