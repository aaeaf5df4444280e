#pragma once

#include "manul/ops/metrics/metric.h"

namespace manul {

/// (1 + beta^2) precision recall / (beta^2 precision + recall), of outputs [N, classes] and labels of the
/// same shape. `average`: "micro" (all classes together), "macro" (their mean), "weighted" (by how frequent
/// they are) or none: a column for each class. `threshold` none: the largest of a row is positive.
MetricSpec f_score(const std::string& name, const std::string& class_name,
                   const std::optional<std::string>& average, double beta, std::optional<double> threshold);

}  // namespace manul
