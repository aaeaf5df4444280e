#pragma once

#include "manul/models/training/history.h"
#include "manul/ops/metrics/metric.h"

namespace manul {

/// The metrics of one output, and their totals: one after the other in a range of f64 on the device.
class OutputMetrics {
 public:
  OutputMetrics() = default;
  /// `weighted` take the samples' weights into account, as Keras' weighted_metrics; one that has the name of
  /// an earlier one is called weighted_NAME. `predictions`: the shape of one sample's.
  OutputMetrics(std::vector<Metric> metrics, std::vector<Metric> weighted, const Shape& predictions);

  const std::vector<Metric>& metrics() const { return metrics_; }
  const std::vector<Metric>& weighted_metrics() const { return weighted_; }
  bool operator==(const OutputMetrics& other) const {
    return metrics_ == other.metrics_ && weighted_ == other.weighted_;
  }
  /// The metric that has this column of the history, or null.
  const MetricSpec* of_column(const std::string& column) const;
  /// How many totals there are.
  int64_t totals() const { return totals_; }
  /// False if some metric needs probabilities where the loss is computed from logits.
  bool take_logits() const;
  /// Adds a batch, and its loss. Kernels alone.
  void add(MetricBatch& batch, const Tensor& totals) const;
  /// Appends what the totals say; `prefix` stands before the names.
  void add_to(Logs& logs, std::span<const double> totals, const std::string& prefix = {}) const;

 private:
  struct Entry {
    Metric metric;
    bool weighted;
    std::string column;
    int64_t first, count;  // of its totals
  };
  std::vector<Metric> metrics_, weighted_;
  std::vector<Entry> entries_;
  int64_t totals_ = 0;
};

}  // namespace manul
