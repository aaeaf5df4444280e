#pragma once

#include <limits>

#include "manul/ops/losses/loss.h"

namespace manul {

/// A crossentropy of Keras with its options, of outputs of any rank; the last axis has the classes.
struct Crossentropy {
  Loss kind = Loss::binary_crossentropy;
  bool from_logits = false;
  /// Labels y become y (1 - s) + s / 2 (binary) or y (1 - s) + s / classes (categorical).
  double label_smoothing = 0;
  /// Of sparse labels: this one has the value 0.
  int64_t ignore_class = std::numeric_limits<int64_t>::min();
};

/// The values of the rows (the elements of the last axis): of outputs [N, .., classes] a tensor [N, ..].
/// Labels have the shape of the outputs (binary, categorical) or lack the last axis or have it as 1 (sparse),
/// in any dtype, and no gradient. Where a label names no class it throws on the CPU and is NaN on a GPU.
Tensor crossentropy_values(const Crossentropy& options, const Tensor& outputs, const Tensor& labels);

/// Writes the values of the rows, and their derivatives by the outputs (undefined: not wanted).
MANUL_KERNEL(crossentropy, void(const Crossentropy& options, const Tensor& outputs, const Tensor& labels,
                                const Tensor& values, const Tensor& derivatives));
/// dx[r, ..] = derivatives[r, ..] * dy[r].
MANUL_KERNEL(crossentropy_backward, void(const Tensor& derivatives, const Tensor& dy, const Tensor& dx));

}  // namespace manul
