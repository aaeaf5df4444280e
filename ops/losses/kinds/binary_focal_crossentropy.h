#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' BinaryFocalCrossentropy (Lin et al. 2017): the mean of (1 - p_t)^gamma times the binary
/// crossentropy, where p_t = y p + (1 - y) (1 - p); with apply_class_balancing times y alpha + (1 - y) (1 -
/// alpha).
struct BinaryFocalCrossentropy {
  bool apply_class_balancing = false;
  double alpha = 0.25, gamma = 2;
  bool from_logits = false;
  double label_smoothing = 0;

  void describe(auto& description) {
    description.option("apply_class_balancing", apply_class_balancing);
    description.option("alpha", alpha);
    description.option("gamma", gamma);
    description.option("from_logits", from_logits);
    description.option("label_smoothing", label_smoothing);
    description.fixed("axis", int64_t{-1});
  }
  Tensor values(const Tensor& labels, const Tensor& outputs) const {
    Tensor p = from_logits ? sigmoid(outputs) : outputs, q = clipped_probability(p);
    Tensor y = scale(labels, 1 - label_smoothing, label_smoothing / 2), not_y = scale(y, -1, 1);
    Tensor crossentropy = negative(add(multiply(y, log(q)), multiply(not_y, log(scale(q, -1, 1)))));
    Tensor wrong = scale(add(multiply(y, p), multiply(not_y, scale(p, -1, 1))), -1, 1);
    Tensor each = multiply(pow(wrong, gamma), crossentropy);
    if (apply_class_balancing) each = multiply(scale(y, 2 * alpha - 1, 1 - alpha), each);
    return mean_of_rows(each);
  }
  operator LossSpec() const {
    return {"binary_focal_crossentropy",
            "BinaryFocalCrossentropy",
            {},
            options_of(*this),
            [loss = *this](const Tensor& y, const Tensor& p) { return loss.values(y, p); }};
  }
};

inline const bool binary_focal_crossentropy_is_registered = register_loss<BinaryFocalCrossentropy>();

}  // namespace manul
