#include "manul/ops/metrics/kinds/pearson_correlation.h"

#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {

PearsonCorrelation::operator MetricSpec() const {
  MetricSpec metric =
      mean_metric("pearson_correlation", "PearsonCorrelation", [](const Tensor& y, const Tensor& p) {
        auto centered = [](const Tensor& x) {
          return subtract(x, broadcast_to(mean(x, -1, true), x.shape()));
        };
        Tensor a = centered(y), b = centered(p);
        return divide(mean(multiply(a, b), -1), sqrt(multiply(mean(square(a), -1), mean(square(b), -1))));
      });
  metric.larger_is_better = true;
  metric.options = options_of(*this);
  return metric;
}

}  // namespace manul
