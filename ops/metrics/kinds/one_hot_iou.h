#pragma once

#include "manul/ops/metrics/iou_metric.h"

namespace manul {

/// Keras' OneHotIoU: IoU of labels that are rows of the last axis, and of predictions that are too unless
/// sparse_y_pred says that they are classes.
struct OneHotIoU {
  int64_t num_classes = 0;
  std::vector<double> target_class_ids = {};  // none: all
  std::optional<int64_t> ignore_class = {};
  bool sparse_y_pred = false;

  void describe(auto& description) {
    description.option("num_classes", num_classes);
    description.option("target_class_ids", target_class_ids);
    description.option("ignore_class", ignore_class);
    description.option("sparse_y_pred", sparse_y_pred);
    description.fixed("axis", int64_t{-1});
  }
  operator MetricSpec() const {
    MetricSpec metric = IoUMetric{.name = "one_hot_io_u",
                                  .class_name = "OneHotIoU",
                                  .num_classes = num_classes,
                                  .target_class_ids = target_class_ids,
                                  .ignore_class = ignore_class,
                                  .sparse_y_true = false,
                                  .sparse_y_pred = sparse_y_pred};
    metric.options = options_of(*this);
    metric.aliases = {"one_hot_iou"};
    return metric;
  }
};

inline const bool one_hot_iou_is_registered = register_metric<OneHotIoU>();

}  // namespace manul
