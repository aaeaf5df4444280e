#include "manul/ops/metrics/kinds/concordance_correlation.h"

#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {

ConcordanceCorrelation::operator MetricSpec() const {
  MetricSpec metric =
      mean_metric("concordance_correlation", "ConcordanceCorrelation", [](const Tensor& y, const Tensor& p) {
        Tensor center = broadcast_to(mean(p, -1, true), p.shape());
        Tensor both = mean(multiply(subtract(y, center), subtract(p, center)), -1);
        Tensor between = square(subtract(mean(y, -1), mean(p, -1)));
        return divide(scale(both, 2), scale(add(add(variance(y, -1), variance(p, -1)), between), 1, 1e-7));
      });
  metric.larger_is_better = true;
  metric.options = options_of(*this);
  return metric;
}

}  // namespace manul
