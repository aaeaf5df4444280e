#pragma once

#include <cstdint>

#include "manul/framework/host_device.h"
#include "manul/framework/tensor.h"

namespace manul {

/// Labels (or weights) as numbers, whatever their dtype, for CPU loops and CUDA kernels.
struct Labels {
  const void* raw;
  DType dtype;

  MANUL_HOST_DEVICE double operator[](int64_t i) const {
    switch (dtype) {
      case DType::f32:
        return static_cast<const float*>(raw)[i];
      case DType::f64:
        return static_cast<const double*>(raw)[i];
      case DType::bf16:
        return static_cast<const bfloat16*>(raw)[i];
      case DType::u8:
        return static_cast<const uint8_t*>(raw)[i];
      case DType::i32:
        break;
    }
    return static_cast<const int32_t*>(raw)[i];
  }
  MANUL_HOST_DEVICE int64_t class_of(int64_t i) const { return static_cast<int64_t>((*this)[i]); }
};

inline Labels labels_in(const Tensor& labels) {
  switch (labels.dtype()) {
    case DType::f32:
      return {labels.data<float>(), DType::f32};
    case DType::f64:
      return {labels.data<double>(), DType::f64};
    case DType::bf16:
      return {labels.data<bfloat16>(), DType::bf16};
    case DType::u8:
      return {labels.data<uint8_t>(), DType::u8};
    case DType::i32:
      break;
  }
  return {labels.data<int32_t>(), DType::i32};
}

}  // namespace manul
