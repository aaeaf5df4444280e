#pragma once

#include "manul/ops/metrics/confusion_metric.h"

namespace manul {

/// Keras' AUC: the area under the curve of ROC (true against false positive rate) or PR (precision against
/// recall), from the confusions at evenly spread thresholds or at those given.
struct AUC {
  int64_t num_thresholds = 200;
  std::string curve = "ROC";
  std::string summation_method = "interpolation";  // or "minoring", "majoring"
  /// Outputs [N, labels]: the mean of the labels' areas, not the area of all elements together.
  bool multi_label = false;
  std::optional<int64_t> num_labels = {};  // of multi_label; the model's outputs, if not given
  /// For each label: of multi_label its area's share of the mean, else a factor of its elements' weights.
  std::vector<double> label_weights = {};
  bool from_logits = false;
  std::vector<double> thresholds = {};  // between 0 and 1; both ends are added

  void describe(auto& description) {
    description.option("num_thresholds", num_thresholds);
    description.option("curve", curve);
    description.option("summation_method", summation_method);
    description.option("multi_label", multi_label);
    description.option("num_labels", num_labels);
    description.option("label_weights", label_weights);
    description.option("from_logits", from_logits);
    description.option("thresholds", thresholds);
  }
  operator MetricSpec() const;
};

inline const bool auc_is_registered = register_metric<AUC>();

}  // namespace manul
