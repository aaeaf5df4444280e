#pragma once

#include <map>

#include "manul/data/datasets/view.h"

namespace manul {

/// How much samples of a class count in the loss, by class number; of those that are not named, once.
using ClassWeights = std::map<int64_t, double>;

/// A data set with weights by the class of the only label: a number, or the largest of a row. Weights that
/// it has of its own are multiplied. What `fit(.., {.class_weight = {{0, 1}, {1, 3}}})` trains on.
class ClassWeighted : public DatasetView {
 public:
  /// `device`: where batches are made. Throws unless there is one label of class numbers or of one row a
  /// sample, and at most one set of weights.
  ClassWeighted(Dataset& data, const ClassWeights& weights, Device device = {});
  BatchSpec spec() const override;

 protected:
  void fill(const DeviceStepState& state, const Batch& batch) override;

 private:
  Tensor table_;  // f32 [classes]
  bool has_weights_;
};

/// weights f32 [N] = table[class], or times it if `multiply`, where the class of sample n is its label, of
/// any dtype, or the first largest of its row of labels. A class that the table does not have counts once.
void weights_by_class(const Tensor& labels, const Tensor& table, bool multiply, const Tensor& weights);
MANUL_KERNEL(weights_by_class,
             void(const Tensor& labels, const Tensor& table, bool multiply, const Tensor& weights));

}  // namespace manul
