#pragma once

#include "manul/ops/metrics/match_metric.h"

namespace manul {

/// Keras' BinaryAccuracy: how often p > threshold is the label, 0 or 1.
struct BinaryAccuracy {
  double threshold = 0.5;

  void describe(auto& description) { description.option("threshold", threshold); }
  operator MetricSpec() const {
    MetricSpec metric = match_metric("binary_accuracy", "BinaryAccuracy", {Match::Kind::binary, threshold});
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool binary_accuracy_is_registered = register_metric<BinaryAccuracy>();

}  // namespace manul
