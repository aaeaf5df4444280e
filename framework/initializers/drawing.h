#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/framework/shape.h"

namespace manul {

/// What an initializer is asked for: the values of one new parameter.
class Drawing {
 public:
  /// `path` stands in messages. `fan_in` elements feed one output, `fan_out` are fed by one input.
  Drawing(const Shape& shape, const std::string& path, double fan_in, double fan_out, RandomStream& random)
      : shape(shape), path(path), fan_in(fan_in), fan_out(fan_out), random_(random) {}

  const Shape& shape;  // as it lies in memory
  const std::string& path;
  const double fan_in, fan_out;

  /// [low, high)
  double uniform(double low, double high) { return random_.uniform(low, high); }
  /// Of mean 0 and deviation 1 (Box and Muller 1958).
  double normal() {
    double radius = std::sqrt(-2 * std::log(1 - random_.uniform()));
    return radius * std::cos(2 * std::numbers::pi * random_.uniform());
  }
  /// The same, drawn again beyond two deviations.
  double truncated_normal() {
    double value = normal();
    while (std::abs(value) > 2) value = normal();
    return value;
  }

  /// All values, row-major, each from next().
  template <class Next>
  std::vector<double> each(const Next& next) {
    std::vector<double> values(shape.elements());
    for (double& value : values) value = next();
    return values;
  }

 private:
  RandomStream& random_;
};

}  // namespace manul
