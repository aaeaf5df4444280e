#pragma once

#include "manul/ops/metrics/match_metric.h"

namespace manul {

/// Keras' SparseTopKCategoricalAccuracy: the same as TopKCategoricalAccuracy where labels are classes.
struct SparseTopKCategoricalAccuracy {
  int64_t k = 5;

  void describe(auto& description) {
    description.option("k", k);
    description.fixed("from_sorted_ids", false);
  }
  operator MetricSpec() const {
    MetricSpec metric = match_metric("sparse_top_k_categorical_accuracy", "SparseTopKCategoricalAccuracy",
                                     {.kind = Match::Kind::sparse_categorical, .k = k, .top_k = true});
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool sparse_top_k_categorical_accuracy_is_registered =
    register_metric<SparseTopKCategoricalAccuracy>();

}  // namespace manul
