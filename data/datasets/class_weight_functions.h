#pragma once

#include <cstdint>

#include "manul/framework/host_device.h"

// The weight of one sample, for the CPU loop and the CUDA kernel.
namespace manul {

/// `row`: the labels of a sample, `length` of them.
template <class T>
MANUL_HOST_DEVICE float weight_of_class(const T* row, int64_t length, const float* table, int64_t classes) {
  int64_t label = 0;
  if (length == 1) {
    double value = static_cast<double>(row[0]);
    label = value > -0.5 && value < 1e9 ? static_cast<int64_t>(value + 0.5) : -1;
  }
  for (int64_t i = 1; i < length; ++i)
    if (row[i] > row[label]) label = i;
  return label >= 0 && label < classes ? table[label] : 1.0F;
}

}  // namespace manul
