#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' Add: the sum of two or more inputs of one shape.
struct Add {
  static constexpr const char* class_name = "Add";
  std::string name = {};

  void describe(Description& /*description*/) {}
  Shape output_shape(const std::vector<Shape>& inputs) const;
  Tensor call(const std::vector<Tensor>& inputs) const;
};
inline const LayerRegistration<Add> add_registration;

/// Keras' Subtract: the first of two inputs of one shape without the second.
struct Subtract {
  static constexpr const char* class_name = "Subtract";
  std::string name = {};

  void describe(Description& /*description*/) {}
  Shape output_shape(const std::vector<Shape>& inputs) const;
  Tensor call(const std::vector<Tensor>& inputs) const { return subtract(inputs.at(0), inputs.at(1)); }
};
inline const LayerRegistration<Subtract> subtract_registration;

/// Keras' Multiply: the product of two or more inputs of one shape.
struct Multiply {
  static constexpr const char* class_name = "Multiply";
  std::string name = {};

  void describe(Description& /*description*/) {}
  Shape output_shape(const std::vector<Shape>& inputs) const;
  Tensor call(const std::vector<Tensor>& inputs) const;
};
inline const LayerRegistration<Multiply> multiply_registration;

/// Keras' Average: the mean of two or more inputs of one shape.
struct Average {
  static constexpr const char* class_name = "Average";
  std::string name = {};

  void describe(Description& /*description*/) {}
  Shape output_shape(const std::vector<Shape>& inputs) const;
  Tensor call(const std::vector<Tensor>& inputs) const;
};
inline const LayerRegistration<Average> average_registration;

}  // namespace manul
