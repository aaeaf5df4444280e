#pragma once

#include "manul/ops/losses/loss_spec.h"

namespace manul {

/// Keras' Circle (Sun et al. 2020), of embeddings [N, D] of length 1 and their classes [N]: pairs of one
/// class are to be near, the others far. Samples whose value is 0 do not count.
struct Circle {
  double gamma = 80, margin = 0.4;
  bool remove_diagonal = true;  // a sample is no pair with itself

  void describe(auto& description) {
    description.option("gamma", gamma);
    description.option("margin", margin);
    description.option("remove_diagonal", remove_diagonal);
  }
  Tensor values(const Tensor& labels, const Tensor& embeddings) const;
  operator LossSpec() const;
};

inline const bool circle_is_registered = register_loss<Circle>();

}  // namespace manul
