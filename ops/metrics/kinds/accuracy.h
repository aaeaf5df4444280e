#pragma once

#include "manul/ops/metrics/match_metric.h"

namespace manul {

/// What the name "accuracy" means in Keras: the kind that fits labels and predictions.
struct FittingAccuracy {
  operator MetricSpec() const {
    MetricSpec metric = match_metric("accuracy", "", {});
    metric.aliases = {"acc"};
    metric.update = [](MetricBatch& batch, const Tensor& totals) {
      match_metric("accuracy", "", accuracy_match(batch.labels, batch.predictions)).update(batch, totals);
    };
    return metric;
  }
};

/// Keras' Accuracy: how often a prediction is the label, equal as a number.
struct Accuracy {
  operator MetricSpec() const { return match_metric("accuracy", "Accuracy", {.kind = Match::Kind::exact}); }
};

inline const bool accuracy_is_registered = register_metric<FittingAccuracy>() && register_metric<Accuracy>();

}  // namespace manul
