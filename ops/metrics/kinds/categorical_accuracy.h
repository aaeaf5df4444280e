#pragma once

#include "manul/ops/metrics/match_metric.h"

namespace manul {

/// Keras' CategoricalAccuracy: how often the largest of the last axis is that of the labels; of equal ones
/// the first.
struct CategoricalAccuracy {
  operator MetricSpec() const {
    return match_metric("categorical_accuracy", "CategoricalAccuracy", {Match::Kind::categorical});
  }
};

inline const bool categorical_accuracy_is_registered = register_metric<CategoricalAccuracy>();

}  // namespace manul
