#pragma once

#include "manul/ops/metrics/metric.h"

namespace manul {

/// Keras' R2Score of outputs [N, columns]: 1 - sum of (y - p)^2 / sum of (y - mean(y))^2, of each column.
/// `class_aggregation`: "uniform_average" (their mean), "variance_weighted_average" or none: each by itself.
/// num_regressors > 0: adjusted for as many variables that explain y.
struct R2Score {
  std::optional<std::string> class_aggregation = "uniform_average";
  int64_t num_regressors = 0;

  void describe(auto& description) {
    description.option("class_aggregation", class_aggregation);
    description.option("num_regressors", num_regressors);
  }
  operator MetricSpec() const;
};

inline const bool r2_score_is_registered = register_metric<R2Score>();

}  // namespace manul
