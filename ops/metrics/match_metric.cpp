#include "manul/ops/metrics/match_metric.h"

#include <cmath>

namespace manul {
namespace {

int64_t classes_of(const Tensor& predictions) {
  return predictions.shape().rank() < 2 ? 1 : predictions.shape()[-1];
}

}  // namespace

void check_elements_fit(const std::string& metric, const MetricBatch& batch) {
  check(batch.predictions.shape().rank() > 0 && batch.labels.elements() == batch.predictions.elements(),
        "{}: labels {} do not fit predictions {}", metric, batch.labels.shape(), batch.predictions.shape());
}

void check_rows_fit(const std::string& metric, const MetricBatch& batch) {
  check(batch.predictions.shape().rank() > 1 &&
            batch.labels.elements() * classes_of(batch.predictions) == batch.predictions.elements(),
        "{}: labels {} do not fit predictions {}, one class for each row of the last axis", metric,
        batch.labels.shape(), batch.predictions.shape());
}

Match accuracy_match(const Tensor& labels, const Tensor& predictions) {
  if (classes_of(predictions) == 1) return {Match::Kind::binary};
  bool sparse = labels.elements() != predictions.elements();
  return {sparse ? Match::Kind::sparse_categorical : Match::Kind::categorical};
}

MetricSpec match_metric(std::string name, std::string class_name, const Match& match) {
  MetricSpec metric = mean_metric(name, std::move(class_name), {});
  metric.larger_is_better = true;
  metric.update = [name, match](MetricBatch& batch, const Tensor& totals) {
    Match rule = match;
    if (rule.kind == Match::Kind::sparse_categorical)
      check_rows_fit(name, batch);
    else
      check_elements_fit(name, batch);
    // sigmoid(z) > t where z > log(t / (1 - t)), and softmax keeps the order.
    if (batch.logits) rule.threshold = std::log(rule.threshold / (1 - rule.threshold));
    accumulate_matches_kernel(rule, batch.predictions, batch.labels, batch.weights, totals, batch.take_loss(),
                              batch.loss_totals);
  };
  // A threshold of 0 or 1 has no logit, and probabilities that tie with the k-th may differ as logits.
  metric.takes_logits = !match.top_k && match.kind != Match::Kind::exact && match.threshold == 0.5;
  return metric;
}

}  // namespace manul
