#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce_axes.h"

namespace manul {

/// Keras' CategoricalFocalCrossentropy: the sum of -alpha (1 - p)^gamma y log p over the last axis, p divided
/// by its sum and clipped.
struct CategoricalFocalCrossentropy {
  double alpha = 0.25, gamma = 2;
  bool from_logits = false;
  double label_smoothing = 0;

  void describe(auto& description) {
    description.option("alpha", alpha);
    description.option("gamma", gamma);
    description.option("from_logits", from_logits);
    description.option("label_smoothing", label_smoothing);
    description.fixed("axis", int64_t{-1});
  }
  Tensor values(const Tensor& labels, const Tensor& outputs) const {
    double classes = static_cast<double>(outputs.shape()[-1]);
    Tensor y = scale(labels, 1 - label_smoothing, label_smoothing / classes);
    Tensor p = from_logits ? softmax(outputs) : outputs;
    p = clipped_probability(normalized_rows(p));
    Tensor each = multiply(pow(scale(p, -1, 1), gamma), multiply(y, log(p)));
    return scale(sum(each, -1), -alpha);
  }
  operator LossSpec() const {
    return {"categorical_focal_crossentropy",
            "CategoricalFocalCrossentropy",
            {},
            options_of(*this),
            [loss = *this](const Tensor& y, const Tensor& p) { return loss.values(y, p); }};
  }
};

inline const bool categorical_focal_crossentropy_is_registered =
    register_loss<CategoricalFocalCrossentropy>();

}  // namespace manul
