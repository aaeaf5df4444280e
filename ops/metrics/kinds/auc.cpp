#include "manul/ops/metrics/kinds/auc.h"

#include <algorithm>
#include <cmath>

namespace manul {
namespace {

/// Of the curve through points (x, y), from the last to the first.
double area(std::span<const double> x, std::span<const double> y, const std::string& method) {
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i) {
    double height = method == "minoring"   ? std::min(y[i], y[i + 1])
                    : method == "majoring" ? std::max(y[i], y[i + 1])
                                           : (y[i] + y[i + 1]) / 2;
    sum += (x[i] - x[i + 1]) * height;
  }
  return sum;
}

/// Under the curve of PR, where precision between two thresholds follows from true positives that grow evenly
/// (Davis and Goadrich 2006), as Keras has it.
double interpolated_precision_area(std::span<const Confusion> at) {
  double sum = 0;
  for (size_t i = 0; i + 1 < at.size(); ++i) {
    double positives = at[i].true_positives + at[i].false_positives,
           next = at[i + 1].true_positives + at[i + 1].false_positives;
    double rise = at[i].true_positives - at[i + 1].true_positives;
    double slope = ratio(rise, std::max(positives - next, 0.0));
    double intercept = at[i + 1].true_positives - slope * next;
    double quotient = positives > 0 && next > 0 ? positives / next : 1;
    sum += ratio(slope * (rise + intercept * std::log(quotient)),
                 std::max(at[i + 1].true_positives + at[i + 1].false_negatives, 0.0));
  }
  return sum;
}

double area_under(std::span<const Confusion> confusions, const std::string& curve,
                  const std::string& method) {
  if (curve == "PR" && method == "interpolation") return interpolated_precision_area(confusions);
  std::vector<double> x, y;
  for (const Confusion& c : confusions) {
    double recall = recall_of(c);
    x.push_back(curve == "PR" ? recall : ratio(c.false_positives, c.false_positives + c.true_negatives));
    y.push_back(curve == "PR" ? precision_of(c) : recall);
  }
  return area(x, y, method);
}

/// The mean of the areas of each label; confusions [thresholds, labels].
double mean_area(std::span<const Confusion> confusions, const AUC& auc, size_t thresholds) {
  size_t labels = confusions.size() / thresholds;
  double sum = 0, weights = 0;
  for (size_t label = 0; label < labels; ++label) {
    std::vector<Confusion> of_label;
    for (size_t t = 0; t < thresholds; ++t) of_label.push_back(confusions[t * labels + label]);
    double weight = auc.label_weights.empty() ? 1 : auc.label_weights[label];
    sum += weight * area_under(of_label, auc.curve, auc.summation_method);
    weights += weight;
  }
  return ratio(sum, weights);
}

}  // namespace

AUC::operator MetricSpec() const {
  check(curve == "ROC" || curve == "PR", "auc: the curve is 'ROC' or 'PR', not '{}'", curve);
  check(
      summation_method == "interpolation" || summation_method == "minoring" || summation_method == "majoring",
      "auc: the summation_method is 'interpolation', 'minoring' or 'majoring', not '{}'", summation_method);
  check(num_thresholds > 1, "auc: it has at least two thresholds, not {}", num_thresholds);
  check(!num_labels || multi_label, "auc: num_labels is needed only with multi_label");
  constexpr double beyond = 1e-7;
  std::vector<double> at = thresholds;
  std::sort(at.begin(), at.end());
  for (int64_t i = 1; thresholds.empty() && i + 1 < num_thresholds; ++i)
    at.push_back(static_cast<double>(i) / static_cast<double>(num_thresholds - 1));
  at.insert(at.begin(), -beyond);
  at.push_back(1 + beyond);
  MetricSpec metric = ConfusionMetric{
      .name = "auc",
      .class_name = "AUC",
      .thresholds = at,
      .each_class = multi_label,
      .label_weights = label_weights,
      .from_logits = from_logits,
      .result = [auc = *this, thresholds = at.size()](std::span<const Confusion> confusions) {
        return std::vector{auc.multi_label ? mean_area(confusions, auc, thresholds)
                                           : area_under(confusions, auc.curve, auc.summation_method)};
      }};
  metric.options = options_of(*this);
  if (num_labels)
    metric.totals = [labels = *num_labels, totals = metric.totals](const Shape& predictions) {
      check(predictions[-1] == labels, "auc: num_labels {} do not fit predictions {}", labels, predictions);
      return totals(predictions);
    };
  return metric;
}

}  // namespace manul
