#include "manul/ops/metrics/f_score_metric.h"

#include <cmath>

#include "manul/ops/metrics/accumulate.h"
#include "manul/ops/metrics/match_metric.h"

namespace manul {
namespace {

constexpr double epsilon = 1e-7;  // Keras', below every division

struct Counts {
  double true_positives = 0, false_positives = 0, false_negatives = 0;
};

double f_beta(const Counts& c, double beta) {
  double precision = c.true_positives / (c.true_positives + c.false_positives + epsilon);
  double recall = c.true_positives / (c.true_positives + c.false_negatives + epsilon);
  double square = beta * beta;
  return precision * recall / (square * precision + recall + epsilon) * (1 + square);
}

std::vector<double> scores(std::span<const double> totals, const std::string& average, double beta) {
  size_t classes = totals.size() / 4;
  std::vector<double> each;
  Counts all;
  double mean = 0, weighted = 0, labels = 0;
  for (size_t c = 0; c < classes; ++c) {
    Counts counts{totals[c], totals[classes + c], totals[2 * classes + c]};
    all.true_positives += counts.true_positives;
    all.false_positives += counts.false_positives;
    all.false_negatives += counts.false_negatives;
    each.push_back(f_beta(counts, beta));
    mean += each.back() / static_cast<double>(classes);
    weighted += each.back() * totals[3 * classes + c];
    labels += totals[3 * classes + c];
  }
  if (average == "micro") return {f_beta(all, beta)};
  if (average == "macro") return {mean};
  if (average == "weighted") return {weighted / (labels + epsilon)};
  return each;
}

}  // namespace

MetricSpec f_score(const std::string& name, const std::string& class_name,
                   const std::optional<std::string>& average, double beta, std::optional<double> threshold) {
  check(!average || *average == "micro" || *average == "macro" || *average == "weighted",
        "{}: average is 'micro', 'macro', 'weighted' or none, not '{}'", name, average.value_or(""));
  check(beta > 0, "{}: beta is larger than 0, not {}", name, beta);
  MetricSpec metric{name, class_name};
  metric.larger_is_better = true;
  metric.totals = [](const Shape& predictions) { return 4 * predictions[-1]; };
  metric.update = [name, threshold](MetricBatch& batch, const Tensor& totals) {
    check_elements_fit(name, batch);
    accumulate_class_scores_kernel(threshold.value_or(NAN), batch.predictions, batch.labels, batch.weights,
                                   totals);
  };
  metric.result = [average = average.value_or(""), beta](std::span<const double> totals) {
    return scores(totals, average, beta);
  };
  return metric;
}

}  // namespace manul
