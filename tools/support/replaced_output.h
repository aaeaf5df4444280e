#pragma once

#include "manul/models/graph/model.h"

namespace manul {

/// `model`, which is not built yet, with a last dense layer of so many units and this activation in the place
/// of its own; all other layers are its. Throws ErrorKind::usage if it has several outputs or ends with
/// something else.
Model with_output(const Model& model, int64_t units, Activation activation);

/// True if a network scales pixels 0..255 itself: a Rescaling or Normalization layer comes before all layers
/// that have weights.
bool scales_pixels(const Graph& graph);

}  // namespace manul
