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
  /// `sample_shape`: of one sample, without the batch axis. `name`: of the model, and of the layer that it is
  /// in other models.
  explicit Sequential(const Shape& sample_shape, std::string name = "sequential");
  /// A layer, or a model. One that is added twice shares its parameters (and a file has the model as a
  /// functional one). Throws if the model is built already, or if the layer does not fit the one before: it
  /// is then not added.
  void add(const LayerPtr& layer);
};

}  // namespace manul
