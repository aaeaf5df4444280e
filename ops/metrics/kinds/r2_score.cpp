#include "manul/ops/metrics/kinds/r2_score.h"

#include <cmath>

#include "manul/ops/metrics/accumulate.h"
#include "manul/ops/metrics/match_metric.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

/// Of a column: sum of y, of the weights; of y^2, of the weights; of (y - p)^2, of the weights; of y without
/// weights, of the samples.
constexpr int64_t totals_each = 8;

void add_column(const Tensor& y, const Tensor& p, const Tensor& weights, const Tensor& totals) {
  auto accumulate = [&](const Tensor& values, const Tensor& factors, int64_t at) {
    accumulate_values_kernel(values, factors, totals.range(at, {2}), Tensor(), Tensor());
  };
  accumulate(y, weights, 0);
  accumulate(square(y), weights, 2);
  accumulate(square(subtract(y, p)), weights, 4);
  accumulate(y, Tensor(), 6);
}

std::vector<double> aggregated(std::span<const double> totals, const std::string& how) {
  std::vector<double> each;
  double sum = 0, weighted = 0, variances = 0;
  for (size_t at = 0; at < totals.size(); at += totals_each) {
    double variance = totals[at + 2] - totals[at] * totals[at] / totals[at + 1];
    double score = 1 - totals[at + 4] / variance;
    each.push_back(std::isinf(score) ? 0 : score);
    sum += each.back();
    weighted += variance * each.back();
    variances += variance;
  }
  if (how == "uniform_average") return {sum / static_cast<double>(each.size())};
  if (how == "variance_weighted_average") return {weighted / variances};
  return each;
}

}  // namespace

R2Score::operator MetricSpec() const {
  std::string how = class_aggregation.value_or("");
  check(how.empty() || how == "uniform_average" || how == "variance_weighted_average",
        "r2_score: class_aggregation is 'uniform_average', 'variance_weighted_average' or none, not '{}'",
        how);
  check(num_regressors >= 0, "r2_score: num_regressors is at least 0, not {}", num_regressors);
  MetricSpec metric{"r2_score", "R2Score"};
  metric.larger_is_better = true;
  metric.options = options_of(*this);
  metric.totals = [](const Shape& predictions) {
    check(predictions.rank() == 1, "r2_score: a sample's predictions are a row, not {}", predictions);
    return totals_each * predictions[0];
  };
  metric.update = [](MetricBatch& batch, const Tensor& totals) {
    check_elements_fit("r2_score", batch);
    // In f64: the variance is a difference of large sums.
    Tensor y = cast(labels_like("r2_score", batch.labels, batch.predictions), DType::f64);
    Tensor p = cast(batch.predictions, DType::f64);
    int64_t rows = p.shape()[0], columns = p.elements() / rows;
    for (int64_t c = 0; c < columns; ++c) {
      auto column = [&](const Tensor& x) {
        return columns == 1 ? x.view({rows}) : slice(x.view({rows, columns}), 1, c, c + 1).view({rows});
      };
      add_column(column(y), column(p), batch.weights, totals.range(c * totals_each, {totals_each}));
    }
  };
  metric.result = [how, regressors = static_cast<double>(num_regressors)](std::span<const double> totals) {
    std::vector<double> scores = aggregated(totals, how);
    // Keras counts the labels of all columns.
    double samples = totals[7] * static_cast<double>(totals.size()) / totals_each;
    if (regressors > 0 && regressors < samples - 1)
      for (double& score : scores) score = 1 - (1 - score) * (samples - 1) / (samples - regressors - 1);
    return scores;
  };
  return metric;
}

}  // namespace manul
