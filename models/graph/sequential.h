#pragma once

#include "manul/layers/layers.h"
#include "manul/models/graph/model.h"

namespace manul {

/// A chain of layers.
///
///     Sequential model({64, 64, 3});
///     model.add(Conv2D{.filters = 32, .kernel_size = 3, .strides = 3, .activation = Activation::relu});
class Sequential : public Model {
 public:
  /// `sample_shape`: of one sample, without the batch axis.
  explicit Sequential(const Shape& sample_shape);
  /// Throws if the model is built already, or if the layer does not fit the one before.
  void add(const LayerPtr& layer);
};

}  // namespace manul
