#pragma once

#include <limits>
#include <vector>

#include "manul/framework/kernel.h"

// How metrics add a batch to their totals (f64, on the device): sums of fixed order, on both devices, without
// the host. Weights are [N] of the samples or of the shape of what is weighted; undefined: all 1. Labels may
// have any dtype. `loss`, if defined, is the batch's mean loss, a scalar: loss_totals [2] += {loss * N, N} in
// the same launch.
namespace manul {

/// What makes a prediction right. A vote is one element (binary) or one row of the last axis (the others).
struct Match {
  enum class Kind {
    binary,              // element > threshold, as the label (0 or 1) says
    categorical,         // the first largest of the row is that of the label's row
    sparse_categorical,  // the first largest is the label's class
    exact,               // element == label
  };
  Kind kind = Kind::binary;
  double threshold = 0.5;
  /// Of the categorical ones: at most k - 1 others are larger than the label's class. 1: see above, where the
  /// first of equals wins.
  int64_t k = 1;
  bool top_k = false;
};

/// totals [2] += {weighted number of right votes, sum of the weights}, both as parts of a sample.
MANUL_KERNEL(accumulate_matches,
             void(const Match& match, const Tensor& predictions, const Tensor& labels, const Tensor& weights,
                  const Tensor& totals, const Tensor& loss, const Tensor& loss_totals));

/// totals [2] += {weighted sum of the means of the samples' values, sum of the weights}; values [N, ..].
MANUL_KERNEL(accumulate_values, void(const Tensor& values, const Tensor& weights, const Tensor& totals,
                                     const Tensor& loss, const Tensor& loss_totals));

/// Which elements of rows of `classes` a confusion is of: those of class `first` alone or, of `columns` > 1,
/// of each of the classes first, first + 1, ... by itself. One class: rows do not matter, all elements count.
struct Elements {
  int64_t classes = 1, first = 0, columns = 1;
  /// Positive are at most the k largest of a row, of equals those that come first; 0: any. `row`: its length.
  int64_t top_k = 0, row = 1;
};
/// For thresholds t [T] (f64): totals [4, T, columns] += the weights of true positives, false positives, true
/// negatives and false negatives, where an element is positive if it is larger than the threshold.
/// label_weights, f64, a factor for each element of a row, or undefined.
MANUL_KERNEL(accumulate_confusion,
             void(const Elements& elements, const Tensor& predictions, const Tensor& labels,
                  const Tensor& weights, const Tensor& label_weights, const Tensor& thresholds,
                  const Tensor& totals));

/// Of rows of C classes, labels of the same shape: totals [4, C] += the weights of true positives, false
/// positives and false negatives, and of the labels. Positive is what is larger than `threshold` or, if that
/// is NaN, the largest of its row (all of them that are equal) unless it is 0.
MANUL_KERNEL(accumulate_class_scores, void(double threshold, const Tensor& predictions, const Tensor& labels,
                                           const Tensor& weights, const Tensor& totals));

/// Which class an element or a row stands for, and so a vote's place in a matrix [C, C].
struct ClassPairs {
  enum class Rule { class_number, largest, above_threshold };
  Rule of_labels = Rule::class_number, of_predictions = Rule::class_number;
  double threshold = 0.5;
  int64_t ignored = std::numeric_limits<int64_t>::min();  // a label that does not count
};
/// totals [C, C] += the weights at [label, prediction]. Classes that do not exist do not count.
MANUL_KERNEL(accumulate_class_pairs, void(const ClassPairs& pairs, const Tensor& predictions,
                                          const Tensor& labels, const Tensor& weights, const Tensor& totals));

/// loss_totals [2] += {loss * samples, samples}.
MANUL_KERNEL(accumulate_loss, void(const Tensor& loss, int64_t samples, const Tensor& loss_totals));

/// Numbers that kernels read: made on a device when they are first asked for there. A shared handle.
class DeviceNumbers {
 public:
  explicit DeviceNumbers(std::vector<double> numbers);
  const std::vector<double>& numbers() const;
  Tensor on(Device device) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace manul
