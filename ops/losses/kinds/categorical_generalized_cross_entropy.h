#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/gather.h"

namespace manul {

/// Keras' CategoricalGeneralizedCrossEntropy (Zhang and Sabuncu 2018): (1 - p^q) / q, where p is the
/// probability of the label's class; labels are classes.
struct CategoricalGeneralizedCrossEntropy {
  double q = 0.5;

  void describe(auto& description) { description.option("q", q); }
  Tensor values(const Tensor& labels, const Tensor& p) const {
    Shape rows = without_axes(p.shape(), {p.shape().rank() - 1}, false);
    check(labels.elements() == rows.elements(),
          "categorical_generalized_cross_entropy: labels {} do not fit predictions {}, one class a row",
          labels.shape(), p.shape());
    Tensor of_class = sum(multiply(one_hot(labels.view(rows), p.shape()[-1], p.dtype()), p), -1);
    return scale(pow(of_class, q), -1 / q, 1 / q);
  }
  operator LossSpec() const {
    check(q > 0 && q < 1, "categorical_generalized_cross_entropy: q lies between 0 and 1, not at {}", q);
    return {.name = "categorical_generalized_cross_entropy",
            .class_name = "CategoricalGeneralizedCrossEntropy",
            .options = options_of(*this),
            .values = [loss = *this](const Tensor& y, const Tensor& p) { return loss.values(y, p); },
            .labels_as_given = true};
  }
};

inline const bool categorical_generalized_cross_entropy_is_registered =
    register_loss<CategoricalGeneralizedCrossEntropy>();

}  // namespace manul
