#pragma once

#include "manul/ops/metrics/metric.h"

namespace manul {

/// Keras' PearsonCorrelation: the correlation of labels and predictions along the last axis, and its mean
/// over the rows.
struct PearsonCorrelation {
  void describe(auto& description) { description.fixed("axis", int64_t{-1}); }
  operator MetricSpec() const;
};

inline const bool pearson_correlation_is_registered = register_metric<PearsonCorrelation>();

}  // namespace manul
