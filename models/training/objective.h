#pragma once

#include <string>
#include <vector>

#include "manul/models/training/losses.h"

namespace manul {

/// Metrics by Keras' names. accuracy is the kind that fits the loss: threshold 0.5, or argmax.
enum class Metric { accuracy };

/// What one output of a compiled model is trained towards and measured by.
struct Objective {
  std::string output;  // the name of its layer, as columns of the history begin with
  OutputLoss loss;
  double weight = 1;  // multiplies the loss and with it the gradients, as Keras' loss_weights
  std::vector<Metric> metrics = {};
};

}  // namespace manul
