#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' SpecificityAtSensitivity: the largest specificity at a threshold where the recall is at least this.
struct SpecificityAtSensitivity {
  double sensitivity = 0.5;
  int64_t num_thresholds = 200;
  std::optional<int64_t> class_id = {};  // of this class alone

  void describe(auto& description) {
    description.option("sensitivity", sensitivity);
    description.option("num_thresholds", num_thresholds);
    description.option("class_id", class_id);
  }
  operator MetricSpec() const {
    MetricSpec metric = best_where("specificity_at_sensitivity", "SpecificityAtSensitivity", num_thresholds,
                                   class_id, sensitivity, recall_of, specificity_of);
    metric.options = options_of(*this);
    return metric;
  }
};

inline const bool specificity_at_sensitivity_is_registered = register_metric<SpecificityAtSensitivity>();

}  // namespace manul
