#pragma once

#include <vector>

#include "manul/framework/parameter.h"

namespace manul {

/// Index in Keras' layout of element `i` of a parameter: of a convolution's kernel (OHWI) in HWIO; others lie
/// alike.
inline int64_t keras_index(const Parameter& parameter, int64_t i) {
  if (!parameter.filters_first) return i;
  int64_t filters = parameter.shape[0], kernel_of_filter = parameter.shape.elements() / filters;
  return i % kernel_of_filter * filters + i / kernel_of_filter;
}

/// The values of a tensor that is laid out like `parameter` in Keras' order, as f64.
inline std::vector<double> in_keras_layout(const Parameter& parameter, const Tensor& tensor) {
  std::vector<double> values = tensor.to(DType::f64).to_vector<double>(), result(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    result[keras_index(parameter, static_cast<int64_t>(i))] = values[i];
  return result;
}

/// Sets a parameter of f32 or f64 from values in Keras' order.
inline void set_from_keras_layout(const Parameter& parameter, const std::vector<double>& values) {
  std::vector<double> result(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    result[i] = values.at(keras_index(parameter, static_cast<int64_t>(i)));
  parameter.value.copy_from(Tensor::from(result, parameter.shape).to(parameter.value.dtype()));
}

}  // namespace manul
