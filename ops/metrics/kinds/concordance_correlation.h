#pragma once

#include "manul/ops/metrics/metric.h"

namespace manul {

/// Keras' ConcordanceCorrelation: along the last axis 2 cov(y, p) / (var(y) + var(p) + (mean(y) - mean(p))^2
/// + 1e-7), where Keras takes both deviations from the mean of p; and its mean over the rows.
struct ConcordanceCorrelation {
  void describe(auto& description) { description.fixed("axis", int64_t{-1}); }
  operator MetricSpec() const;
};

inline const bool concordance_correlation_is_registered = register_metric<ConcordanceCorrelation>();

}  // namespace manul
