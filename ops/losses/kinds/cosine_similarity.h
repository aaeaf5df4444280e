#pragma once

#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// Keras' CosineSimilarity: -sum of y / |y| times p / |p| over the last axis: -1 where both point the same
/// way.
struct CosineSimilarity {
  void describe(auto& description) { description.fixed("axis", int64_t{-1}); }
  operator LossSpec() const {
    return {"cosine_similarity",
            "CosineSimilarity",
            {"cosine"},
            options_of(*this),
            [](const Tensor& y, const Tensor& p) { return negative(cosine_of_rows(y, p)); }};
  }
};

inline const bool cosine_similarity_is_registered = register_loss<CosineSimilarity>();

}  // namespace manul
