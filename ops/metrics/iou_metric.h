#pragma once

#include <limits>

#include "manul/ops/metrics/metric.h"

namespace manul {

/// A metric of how labels and predictions of classes overlap: the mean of intersection / union over the
/// target classes that occur.
struct IoUMetric {
  std::string name, class_name;
  int64_t num_classes = 0;
  std::vector<double> target_class_ids = {};  // empty: all
  std::optional<int64_t> ignore_class = {};   // a label that does not count
  /// Votes are classes; otherwise the largest of each row of the last axis.
  bool sparse_y_true = true, sparse_y_pred = true;
  /// Predictions are 1 from here on, else 0.
  std::optional<double> threshold = {};

  operator MetricSpec() const;
};

}  // namespace manul
