#pragma once

#include <cmath>
#include <cstdint>

#include "manul/framework/error.h"
#include "manul/ops/losses/loss_functions.h"
#include "manul/ops/losses/loss_labels.h"
#include "manul/ops/metrics/accumulate.h"

// What one vote or element adds, for the CPU loops and the CUDA kernels.
namespace manul::metrics {

/// The weight of part `i` of `parts`, which are spread evenly over the weights.
struct Weights {
  Labels values{nullptr, DType::f64};
  int64_t parts_each = 1;  // parts for which one weight stands
  MANUL_HOST_DEVICE double operator[](int64_t i) const { return values.raw ? values[i / parts_each] : 1.0; }
};

inline Weights weights_in(const Tensor& weights, int64_t parts, int64_t samples) {
  if (!weights.defined()) return {{nullptr, DType::f64}, samples > 0 ? parts / samples : 1};
  check(weights.elements() > 0 && parts % weights.elements() == 0,
        "metrics: weights {} do not fit {} values of {} samples", weights.shape(), parts, samples);
  return {labels_in(weights), parts / weights.elements()};
}

template <class T>
MANUL_HOST_DEVICE bool is_in_top(const T* row, int64_t classes, int64_t label, int64_t k) {
  if (label < 0 || label >= classes || !std::isfinite(static_cast<double>(row[label]))) return false;
  int64_t larger = 0;
  for (int64_t i = 0; i < classes; ++i) larger += row[i] > row[label];
  return larger < k;
}

/// Adds vote `i`: its weight where it is right, and its weight.
template <class T>
struct MatchTerm {
  const T* predictions;
  Labels labels;
  Weights weights;
  Match match;
  int64_t classes;

  MANUL_HOST_DEVICE bool is_right(int64_t i) const {
    if (match.kind == Match::Kind::binary)
      return (predictions[i] > static_cast<T>(match.threshold) ? 1.0 : 0.0) == labels[i];
    if (match.kind == Match::Kind::exact) return static_cast<double>(predictions[i]) == labels[i];
    const T* row = predictions + i * classes;
    int64_t label = match.kind == Match::Kind::sparse_categorical
                        ? labels.class_of(i)
                        : first_largest(labels, i * classes, classes);
    return match.top_k ? is_in_top(row, classes, label, match.k) : first_largest(row, 0, classes) == label;
  }
  MANUL_HOST_DEVICE void operator()(int64_t i, double* sums) const {
    double weight = weights[i] / static_cast<double>(weights.parts_each);
    sums[0] += is_right(i) ? weight : 0.0;
    sums[1] += weight;
  }
};

template <class T>
struct ValueTerm {
  const T* values;
  Weights weights;
  MANUL_HOST_DEVICE void operator()(int64_t i, double* sums) const {
    double weight = weights[i] / static_cast<double>(weights.parts_each);
    sums[0] += static_cast<double>(values[i]) * weight;
    sums[1] += weight;
  }
};

/// Fewer than k elements of the row are larger than `at`, or as large and before it.
template <class T>
MANUL_HOST_DEVICE bool is_one_of_top(const T* row, int64_t length, int64_t at, int64_t k) {
  for (int64_t i = 0, ahead = 0; i < length; ++i) {
    ahead += row[i] > row[at] || (row[i] == row[at] && i < at);
    if (ahead >= k) return false;
  }
  return true;
}

/// Element `i` of one class or all, at one threshold; column: threshold * elements.columns + class.
template <class T>
struct ConfusionTerm {
  const T* predictions;
  Labels labels;
  Weights weights;
  Elements elements;
  const double* label_weights;  // null: all 1
  int64_t label_count;
  const double* thresholds;
  MANUL_HOST_DEVICE bool is_positive(int64_t at, double threshold) const {
    if (!(predictions[at] > static_cast<T>(threshold))) return false;
    int64_t in_row = at % elements.row;
    return elements.top_k == 0 ||
           is_one_of_top(predictions + (at - in_row), elements.row, in_row, elements.top_k);
  }
  MANUL_HOST_DEVICE void add(int64_t i, int64_t column, double* sums) const {
    int64_t at = elements.first + column % elements.columns + i * elements.classes;
    bool positive = is_positive(at, thresholds[column / elements.columns]);
    bool truth = labels[at] != 0.0;
    double of_label = label_weights ? label_weights[at % label_count] : 1.0;
    sums[positive ? (truth ? 0 : 1) : (truth ? 3 : 2)] += weights[at] * of_label;
  }
};

template <class T>
ConfusionTerm<T> confusion_term(const Elements& elements, const Tensor& predictions, const Tensor& labels,
                                const Tensor& weights, const Tensor& label_weights,
                                const Tensor& thresholds) {
  return {predictions.data<T>(),
          labels_in(labels),
          weights_in(weights, predictions.elements(), predictions.shape()[0]),
          elements,
          label_weights.defined() ? label_weights.data<double>() : nullptr,
          label_weights.defined() ? label_weights.elements() : 1,
          thresholds.data<double>()};
}

/// Class `c` of row `row`.
template <class T>
struct ClassScoreTerm {
  const T* predictions;
  Labels labels;
  Weights weights;
  int64_t classes;
  double threshold;
  MANUL_HOST_DEVICE bool is_positive(const T* row, int64_t c) const {
    if (!std::isnan(threshold)) return row[c] > static_cast<T>(threshold);
    for (int64_t i = 0; i < classes; ++i)
      if (row[i] > row[c]) return false;
    return std::abs(static_cast<double>(row[c])) > 1e-9;
  }
  MANUL_HOST_DEVICE void add(int64_t row, int64_t c, double* sums) const {
    int64_t at = row * classes + c;
    double positive = is_positive(predictions + row * classes, c) ? 1.0 : 0.0;
    double truth = labels[at], weight = weights[at];
    sums[0] += weight * positive * truth;
    sums[1] += weight * positive * (1.0 - truth);
    sums[2] += weight * (1.0 - positive) * truth;
    sums[3] += weight * truth;
  }
};

template <class Values>
MANUL_HOST_DEVICE int64_t class_at(ClassPairs::Rule rule, const Values& values, int64_t vote, int64_t classes,
                                   double threshold) {
  if (rule == ClassPairs::Rule::largest) return first_largest(values, vote * classes, classes);
  double value = static_cast<double>(values[vote]);
  if (rule == ClassPairs::Rule::above_threshold) return value >= threshold ? 1 : 0;
  return static_cast<int64_t>(value);
}

/// Vote `i` where it lies at [label, prediction].
template <class T>
struct ClassPairTerm {
  const T* predictions;
  Labels labels;
  Weights weights;
  ClassPairs pairs;
  int64_t classes;
  MANUL_HOST_DEVICE int64_t label_of(int64_t i) const {
    // Truth is what is 0 or 1 already: a threshold is for predictions.
    ClassPairs::Rule rule = pairs.of_labels;
    int64_t label = class_at(rule, labels, i, classes, pairs.threshold);
    return label == pairs.ignored ? -1 : label;
  }
  MANUL_HOST_DEVICE int64_t prediction_of(int64_t i) const {
    return class_at(pairs.of_predictions, predictions, i, classes, pairs.threshold);
  }
};

}  // namespace manul::metrics
