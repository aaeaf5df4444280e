#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' InputLayer: where a batch of samples of this shape enters the graph. Made by Graph::input().
struct InputLayer {
  Shape shape;
  std::string name = {};

  operator LayerPtr() const;
};

/// Keras' Flatten: [N, a, b, ..] -> [N, a * b * ..].
struct Flatten {
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

/// Keras' Rescaling: x * scale + offset.
struct Rescaling {
  double scale = 1;
  double offset = 0;
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

}  // namespace manul
