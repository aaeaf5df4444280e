#pragma once

#include "manul/ops/metrics/iou_metric.h"

namespace manul {

/// Keras' OneHotMeanIoU: MeanIoU of labels that are rows of the last axis, and of predictions that are too
/// unless sparse_y_pred says that they are classes.
struct OneHotMeanIoU {
  int64_t num_classes = 0;
  std::optional<int64_t> ignore_class = {};
  bool sparse_y_pred = false;

  void describe(auto& description) {
    description.option("num_classes", num_classes);
    description.option("ignore_class", ignore_class);
    description.option("sparse_y_pred", sparse_y_pred);
    description.fixed("axis", int64_t{-1});
  }
  operator MetricSpec() const {
    MetricSpec metric = IoUMetric{.name = "one_hot_mean_io_u",
                                  .class_name = "OneHotMeanIoU",
                                  .num_classes = num_classes,
                                  .ignore_class = ignore_class,
                                  .sparse_y_true = false,
                                  .sparse_y_pred = sparse_y_pred};
    metric.options = options_of(*this);
    metric.aliases = {"one_hot_mean_iou"};
    return metric;
  }
};

inline const bool one_hot_mean_iou_is_registered = register_metric<OneHotMeanIoU>();

}  // namespace manul
