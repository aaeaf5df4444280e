#pragma once

#include <cmath>

#include "manul/framework/host_device.h"

namespace manul {

/// Below this sum of squares TensorFlow's l2_normalize divides by its root.
inline constexpr double least_squares_of_unit = 1e-12;

MANUL_HOST_DEVICE inline double unit_norm(double squares) {
  return std::sqrt(squares < least_squares_of_unit ? least_squares_of_unit : squares);
}

/// dx = factor * dy - along * x, from sum x^2 and sum x * dy: along = sum x * dy / norm^3 where the norm
/// depends on x.
struct UnitGradient {
  double factor, along;
  MANUL_HOST_DEVICE UnitGradient(double squares, double product) {
    double norm = unit_norm(squares);
    factor = 1 / norm;
    along = squares < least_squares_of_unit ? 0 : product / (norm * norm * norm);
  }
};

}  // namespace manul
