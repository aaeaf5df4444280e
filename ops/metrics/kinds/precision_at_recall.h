#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' PrecisionAtRecall: the largest precision at a threshold where the recall is at least this.
struct PrecisionAtRecall {
  double recall = 0.5;
  int64_t num_thresholds = 200;
  std::optional<int64_t> class_id = {};  // of this class alone

  void describe(auto& description) {
    description.option("recall", recall);
    description.option("num_thresholds", num_thresholds);
    description.option("class_id", class_id);
  }
  operator MetricSpec() const {
    MetricSpec metric = best_where("precision_at_recall", "PrecisionAtRecall", num_thresholds, class_id,
                                   recall, recall_of, precision_of);
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool precision_at_recall_is_registered = register_metric<PrecisionAtRecall>();

}  // namespace manul
