#pragma once

#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// Numbers of an option as a tensor of `shape` on the device and in the dtype of `like`, one number in every
/// place. `place` keeps it for the next call.
inline const Tensor& constant_like(const std::vector<double>& values, const Shape& shape, const Tensor& like,
                                   Tensor& place) {
  if (place.defined() && place.dtype() == like.dtype() && place.device() == like.device()) return place;
  Tensor all = values.size() == 1 ? Tensor::full(shape, values[0], DType::f64) : Tensor::from(values, shape);
  return place = all.to(like.dtype()).to(like.device());
}

}  // namespace manul
