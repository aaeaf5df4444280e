#pragma once

#include "manul/ops/metrics/iou_metric.h"

namespace manul {

/// Keras' IoU: intersection / union of the target classes that occur, and of several the mean.
struct IoU {
  int64_t num_classes = 0;
  std::vector<double> target_class_ids = {};  // none: all
  std::optional<int64_t> ignore_class = {};
  bool sparse_y_true = true, sparse_y_pred = true;

  void describe(auto& description) {
    description.option("num_classes", num_classes);
    description.option("target_class_ids", target_class_ids);
    description.option("ignore_class", ignore_class);
    description.option("sparse_y_true", sparse_y_true);
    description.option("sparse_y_pred", sparse_y_pred);
    description.fixed("axis", int64_t{-1});
  }
  operator MetricSpec() const {
    MetricSpec metric = IoUMetric{.name = "io_u",
                                  .class_name = "IoU",
                                  .num_classes = num_classes,
                                  .target_class_ids = target_class_ids,
                                  .ignore_class = ignore_class,
                                  .sparse_y_true = sparse_y_true,
                                  .sparse_y_pred = sparse_y_pred};
    metric.options = options_of(*this);
    metric.aliases = {"iou"};
    return metric;
  }
};

inline const bool iou_is_registered = register_metric<IoU>();

}  // namespace manul
