#pragma once

#include "manul/ops/losses/crossentropy_loss.h"

namespace manul {

/// Keras' SparseCategoricalCrossentropy: -log p of the label's class, of each row of the last axis; behind a
/// softmax from the logits. Rows whose label is ignore_class do not count.
struct SparseCategoricalCrossentropy {
  bool from_logits = false;
  std::optional<int64_t> ignore_class = {};

  void describe(auto& description) {
    description.option("from_logits", from_logits);
    description.option("ignore_class", ignore_class);
    description.fixed("axis", int64_t{-1});
  }
  operator LossSpec() const {
    Crossentropy options{Loss::sparse_categorical_crossentropy, from_logits};
    if (ignore_class) options.ignore_class = *ignore_class;
    return crossentropy_loss("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {},
                             options_of(*this), options);
  }
};

inline const bool sparse_categorical_crossentropy_is_registered =
    register_loss<SparseCategoricalCrossentropy>();

}  // namespace manul
