#pragma once

#include "manul/ops/metrics/iou_metric.h"

namespace manul {

/// Keras' MeanIoU: the mean over the classes that occur of intersection / union, of votes that are classes
/// (sparse) or rows of the last axis, whose largest counts.
struct MeanIoU {
  int64_t num_classes = 0;
  std::optional<int64_t> ignore_class = {};
  bool sparse_y_true = true, sparse_y_pred = true;

  void describe(auto& description) {
    description.option("num_classes", num_classes);
    description.option("ignore_class", ignore_class);
    description.option("sparse_y_true", sparse_y_true);
    description.option("sparse_y_pred", sparse_y_pred);
    description.fixed("axis", int64_t{-1});
  }
  operator MetricSpec() const {
    MetricSpec metric = IoUMetric{.name = "mean_io_u",
                                  .class_name = "MeanIoU",
                                  .num_classes = num_classes,
                                  .ignore_class = ignore_class,
                                  .sparse_y_true = sparse_y_true,
                                  .sparse_y_pred = sparse_y_pred};
    metric.options = options_of(*this);
    metric.aliases = {"mean_iou"};
    return metric;
  }
};

inline const bool mean_iou_is_registered = register_metric<MeanIoU>();

}  // namespace manul
