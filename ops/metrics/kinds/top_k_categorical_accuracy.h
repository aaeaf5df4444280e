#pragma once

#include "manul/ops/metrics/match_metric.h"

namespace manul {

/// Keras' TopKCategoricalAccuracy: how often fewer than k classes are larger than the label's.
struct TopKCategoricalAccuracy {
  int64_t k = 5;

  void describe(auto& description) { description.option("k", k); }
  operator MetricSpec() const {
    MetricSpec metric = match_metric("top_k_categorical_accuracy", "TopKCategoricalAccuracy",
                                     {.kind = Match::Kind::categorical, .k = k, .top_k = true});
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool top_k_categorical_accuracy_is_registered = register_metric<TopKCategoricalAccuracy>();

}  // namespace manul
