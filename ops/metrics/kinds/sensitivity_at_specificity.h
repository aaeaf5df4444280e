#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' SensitivityAtSpecificity: the largest recall at a threshold where the specificity is at least this.
struct SensitivityAtSpecificity {
  double specificity = 0.5;
  int64_t num_thresholds = 200;
  std::optional<int64_t> class_id = {};  // of this class alone

  void describe(auto& description) {
    description.option("specificity", specificity);
    description.option("num_thresholds", num_thresholds);
    description.option("class_id", class_id);
  }
  operator MetricSpec() const {
    MetricSpec metric = best_where("sensitivity_at_specificity", "SensitivityAtSpecificity", num_thresholds,
                                   class_id, specificity, specificity_of, recall_of);
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool sensitivity_at_specificity_is_registered = register_metric<SensitivityAtSpecificity>();

}  // namespace manul
