#pragma once

#include "manul/ops/metrics/metric.h"

namespace manul {

/// Keras' metric CosineSimilarity: the loss of that name with the other sign, 1 where both point the same
/// way.
struct CosineSimilarityMetric {
  void describe(auto& description) { description.fixed("axis", int64_t{-1}); }
  operator MetricSpec() const {
    MetricSpec metric = mean_metric("cosine_similarity", "CosineSimilarity", cosine_of_rows);
    metric.larger_is_better = true;
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool cosine_similarity_metric_is_registered = register_metric<CosineSimilarityMetric>();

}  // namespace manul
