#pragma once

#include "manul/ops/regularizers/penalties.h"

namespace manul {

/// Keras' OrthogonalRegularizer of a weight [rows, columns]: factor times the mean over all pairs of rows (or
/// columns, by `mode`) of the size of their cosine.
struct OrthogonalRegularizer {
  static constexpr const char* class_name = "OrthogonalRegularizer";
  double factor = 0.01;
  std::string mode = "rows";

  void describe(auto& description) {
    description.option("factor", factor);
    description.option("mode", mode);
  }
  Tensor operator()(const Tensor& weight) const {
    check(mode == "rows" || mode == "columns", "OrthogonalRegularizer: mode is rows or columns, not {}",
          mode);
    check(weight.shape().rank() == 2, "OrthogonalRegularizer: a weight of two axes is wanted, not {}",
          weight.shape());
    return scale(mean_size_of_cosines(mode == "rows" ? transpose(weight) : weight), factor);
  }
};

}  // namespace manul
