#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' Add: the sum of two or more inputs of one shape.
struct Add {
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

}  // namespace manul
