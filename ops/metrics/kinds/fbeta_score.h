#pragma once

#include "manul/ops/metrics/f_score_metric.h"

namespace manul {

/// Keras' FBetaScore: recall counts `beta` times as much as precision. See f_score().
struct FBetaScore {
  std::optional<std::string> average = {};
  double beta = 1;
  std::optional<double> threshold = {};

  void describe(auto& description) {
    description.option("average", average);
    description.option("beta", beta);
    description.option("threshold", threshold);
  }
  operator MetricSpec() const {
    MetricSpec metric = f_score("fbeta_score", "FBetaScore", average, beta, threshold);
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool fbeta_score_is_registered = register_metric<FBetaScore>();

}  // namespace manul
