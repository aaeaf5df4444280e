#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Keras' Rescaling: x * scale + offset.
struct Rescaling {
  static constexpr const char* class_name = "Rescaling";
  double scale = 1;
  double offset = 0;
  std::string name = {};

  void describe(Description& description) {
    description.option("scale", scale);
    description.option("offset", offset);
  }
  Tensor call(const Tensor& x) const { return manul::scale(x, scale, offset); }
};
inline const LayerRegistration<Rescaling> rescaling_registration;

}  // namespace manul
