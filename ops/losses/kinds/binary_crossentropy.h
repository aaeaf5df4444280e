#pragma once

#include "manul/ops/losses/crossentropy_loss.h"

namespace manul {

/// Keras' BinaryCrossentropy: the mean of -(y log p + (1 - y) log(1 - p)), p clipped to [1e-7, 1 - 1e-7];
/// behind a sigmoid from the logits.
struct BinaryCrossentropy {
  bool from_logits = false;
  double label_smoothing = 0;

  void describe(auto& description) {
    description.option("from_logits", from_logits);
    description.option("label_smoothing", label_smoothing);
    description.fixed("axis", int64_t{-1});
  }
  operator LossSpec() const {
    return crossentropy_loss("binary_crossentropy", "BinaryCrossentropy", {"bce", "BCE"}, options_of(*this),
                             {Loss::binary_crossentropy, from_logits, label_smoothing});
  }
};

inline const bool binary_crossentropy_is_registered = register_loss<BinaryCrossentropy>();

}  // namespace manul
