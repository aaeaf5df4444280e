#pragma once

#include "manul/ops/metrics/match_metric.h"

namespace manul {

/// Keras' SparseCategoricalAccuracy: how often the largest of the last axis is the label's class.
struct SparseCategoricalAccuracy {
  operator MetricSpec() const {
    return match_metric("sparse_categorical_accuracy", "SparseCategoricalAccuracy",
                        {Match::Kind::sparse_categorical});
  }
};

inline const bool sparse_categorical_accuracy_is_registered = register_metric<SparseCategoricalAccuracy>();

}  // namespace manul
