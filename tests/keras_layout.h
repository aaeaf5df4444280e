#pragma once

#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// Index in Keras' layout (HWIO) of element `i` of a convolution's kernel that lies as OHWI, of this shape;
/// tensors of other ranks lie alike.
inline int64_t keras_index(const Shape& shape, int64_t i) {
  if (shape.rank() != 4) return i;
  int64_t kernel_of_filter = shape[1] * shape[2] * shape[3];
  return i % kernel_of_filter * shape[0] + i / kernel_of_filter;
}

/// The values in Keras' order, as f64.
inline std::vector<double> in_keras_layout(const Tensor& parameter) {
  std::vector<double> values = parameter.to(DType::f64).to_vector<double>(), result(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    result[keras_index(parameter.shape(), static_cast<int64_t>(i))] = values[i];
  return result;
}

/// Sets a parameter of f32 or f64 from values in Keras' order.
inline void set_from_keras_layout(const Tensor& parameter, const std::vector<double>& values) {
  std::vector<double> result(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    result[i] = values.at(keras_index(parameter.shape(), static_cast<int64_t>(i)));
  parameter.copy_from(Tensor::from(result, parameter.shape()).to(parameter.dtype()));
}

}  // namespace manul
