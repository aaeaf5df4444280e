#pragma once

#include "manul/ops/metrics/iou_metric.h"

namespace manul {

/// Keras' BinaryIoU: of labels 0 and 1 and predictions of which those of at least `threshold` are 1; the mean
/// over the target classes that occur.
struct BinaryIoU {
  std::vector<double> target_class_ids = {0, 1};
  double threshold = 0.5;

  void describe(auto& description) {
    description.option("target_class_ids", target_class_ids);
    description.option("threshold", threshold);
  }
  operator MetricSpec() const {
    MetricSpec metric = IoUMetric{.name = "binary_io_u",
                                  .class_name = "BinaryIoU",
                                  .num_classes = 2,
                                  .target_class_ids = target_class_ids,
                                  .threshold = threshold};
    metric.options = options_of(*this);
    metric.aliases = {"binary_iou"};
    return metric;
  }
};

inline const bool binary_iou_is_registered = register_metric<BinaryIoU>();

}  // namespace manul
