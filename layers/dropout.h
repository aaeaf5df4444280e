#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' Dropout: in training zeroes each element with probability `rate` and divides the others by
/// 1 - rate.
struct Dropout {
  double rate = 0.5;
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

}  // namespace manul
