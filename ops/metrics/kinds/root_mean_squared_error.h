#pragma once

#include <cmath>

#include "manul/ops/metrics/metric.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' RootMeanSquaredError: the root of the mean of (y - p)^2 over all that was seen.
struct RootMeanSquaredError {
  operator MetricSpec() const {
    MetricSpec metric = mean_metric("root_mean_squared_error", "RootMeanSquaredError",
                                    [](const Tensor& y, const Tensor& p) { return square(subtract(p, y)); });
    metric.larger_is_better = false;
    metric.heeds_masks = false;
    metric.aliases = {"rmse"};
    metric.result = [mean = metric.result](std::span<const double> totals) {
      return std::vector<double>{std::sqrt(mean(totals)[0])};
    };
    return metric;
  }
};

inline const bool root_mean_squared_error_is_registered = register_metric<RootMeanSquaredError>();

}  // namespace manul
