#pragma once

#include "manul/ops/losses/crossentropy_loss.h"

namespace manul {

/// Keras' CategoricalCrossentropy: -sum y log p of each row of the last axis, p divided by its sum and
/// clipped; behind a softmax from the logits.
struct CategoricalCrossentropy {
  bool from_logits = false;
  double label_smoothing = 0;

  void describe(auto& description) {
    description.option("from_logits", from_logits);
    description.option("label_smoothing", label_smoothing);
    description.fixed("axis", int64_t{-1});
  }
  operator LossSpec() const {
    return crossentropy_loss("categorical_crossentropy", "CategoricalCrossentropy", {}, options_of(*this),
                             {Loss::categorical_crossentropy, from_logits, label_smoothing});
  }
};

inline const bool categorical_crossentropy_is_registered = register_loss<CategoricalCrossentropy>();

}  // namespace manul
