#pragma once

#include "manul/ops/metrics/f_score_metric.h"

namespace manul {

/// Keras' F1Score: precision and recall count alike. See f_score().
struct F1Score {
  std::optional<std::string> average = {};
  std::optional<double> threshold = {};

  void describe(auto& description) {
    description.option("average", average);
    description.option("threshold", threshold);
  }
  operator MetricSpec() const {
    MetricSpec metric = f_score("f1_score", "F1Score", average, 1, threshold);
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool f1_score_is_registered = register_metric<F1Score>();

}  // namespace manul
