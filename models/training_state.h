#pragma once

#include <string>
#include <utility>
#include <vector>

#include "framework/tensor.h"
#include "layers/config.h"

namespace manul {

/// What a checkpoint keeps beside weights and optimizer slots, so that training goes on to the bit: settings
/// (no number in it but integers, so that any notation of numbers brings them back) and tensors (f32 or f64,
/// any values, NaN included). To a file this is opaque: it stores both under names that Keras ignores.
struct TrainingState {
  Config values;  // null: there is none
  std::vector<std::pair<std::string, Tensor>> tensors;

  bool empty() const { return values.is_null(); }
};

/// What predict must know beside the network, in attributes that Keras ignores.
struct Preprocessing {
  std::vector<std::string> class_names;  // sorted as the labels count; empty: not known
  double rescale = 0;                    // factor of a pixel 0..255; 0: not known
  std::string interpolation;             // of the resizing, Keras' name; empty: not known
};

}  // namespace manul
