#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' Dropout: in training zeroes each element with probability `rate` and divides the others by
/// 1 - rate.
struct Dropout {
  static constexpr const char* class_name = "Dropout";
  double rate = 0.5;
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<Dropout> dropout_registration;

}  // namespace manul
