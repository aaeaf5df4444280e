#pragma once

#include "manul/ops/metrics/accumulate.h"
#include "manul/ops/metrics/metric.h"

namespace manul {

/// How often predictions are right, as `match` says; see Match.
MetricSpec match_metric(std::string name, std::string class_name, const Match& match);

/// Throws unless labels fit predictions: one for each element, or one for each row of the last axis.
void check_elements_fit(const std::string& metric, const MetricBatch& batch);
void check_rows_fit(const std::string& metric, const MetricBatch& batch);

/// "accuracy" as Keras understands it: binary where the last axis has length 1, sparse where labels are
/// classes, else categorical.
Match accuracy_match(const Tensor& labels, const Tensor& predictions);

}  // namespace manul
