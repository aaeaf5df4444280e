#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' RecallAtPrecision: the largest recall at a threshold where the precision is at least this.
struct RecallAtPrecision {
  double precision = 0.5;
  int64_t num_thresholds = 200;
  std::optional<int64_t> class_id = {};  // of this class alone

  void describe(auto& description) {
    description.option("precision", precision);
    description.option("num_thresholds", num_thresholds);
    description.option("class_id", class_id);
  }
  operator MetricSpec() const {
    MetricSpec metric = best_where("recall_at_precision", "RecallAtPrecision", num_thresholds, class_id,
                                   precision, precision_of, recall_of);
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool recall_at_precision_is_registered = register_metric<RecallAtPrecision>();

}  // namespace manul
