#pragma once

#include <string>
#include <vector>

#include "manul/models/training/losses.h"
#include "manul/models/training/output_metrics.h"

namespace manul {

/// What one output of a compiled model is trained towards and measured by.
struct Objective {
  std::string output;  // the name of its layer, as columns of the history begin with
  OutputLoss loss;
  double weight = 1;  // multiplies the loss and with it the gradients, as Keras' loss_weights
  OutputMetrics metrics = {};
};

}  // namespace manul
