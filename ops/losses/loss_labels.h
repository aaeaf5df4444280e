#pragma once

#include "manul/framework/tensor.h"

// For .cu files.
namespace manul::cuda {

/// The labels as numbers, whatever their dtype.
struct Labels {
  const void* raw;
  DType dtype;

  __device__ double operator[](int64_t i) const {
    if (dtype == DType::f32) return static_cast<const float*>(raw)[i];
    if (dtype == DType::f64) return static_cast<const double*>(raw)[i];
    return static_cast<const int32_t*>(raw)[i];
  }
  __device__ int64_t class_of(int64_t i) const { return static_cast<const int32_t*>(raw)[i]; }
};

inline Labels labels_in(const Tensor& labels) {
  if (labels.dtype() == DType::f32) return {labels.data<float>(), DType::f32};
  if (labels.dtype() == DType::f64) return {labels.data<double>(), DType::f64};
  return {labels.data<int32_t>(), DType::i32};
}

}  // namespace manul::cuda
