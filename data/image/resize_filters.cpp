#include "manul/data/image/resize_filters.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace manul {
namespace {

double sinc(double x) {
  return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi);
}

double filter_value(Interpolation interpolation, double x) {
  double distance = std::abs(x);
  switch (interpolation) {
    case Interpolation::nearest:
      break;
    case Interpolation::box:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Interpolation::bilinear:
      return std::max(0.0, 1 - distance);
    case Interpolation::hamming: {
      if (distance == 0) return 1;
      if (distance >= 1) return 0;
      double angle = distance * std::numbers::pi;
      return std::sin(angle) / angle * (0.54 + 0.46 * std::cos(angle));
    }
    case Interpolation::bicubic: {  // Keys' kernel
      constexpr double a = -0.5;
      if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
      return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
    }
    case Interpolation::lanczos:
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
  }
  return 0;
}

double support_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::nearest:
    case Interpolation::box:
      return 0.5;
    case Interpolation::bilinear:
    case Interpolation::hamming:
      return 1;
    case Interpolation::bicubic:
      return 2;
    case Interpolation::lanczos:
      return 3;
  }
  return 0;
}

int truncated(double x) {
  return static_cast<int>(x);
}

}  // namespace

std::vector<Taps> taps_of(const ResizeAxis& axis, Interpolation interpolation) {
  double scale = static_cast<double>(axis.stop - axis.start) / axis.target;
  double stretch = std::max(scale, 1.0);
  double support = support_of(interpolation) * stretch;
  double inverse = 1 / stretch;
  std::vector<Taps> taps(axis.target);
  for (int i = 0; i < axis.target; ++i) {
    double center = axis.start + (i + 0.5) * scale;
    int first = std::max(truncated(center - support + 0.5), 0);
    int last = std::min(truncated(center + support + 0.5), axis.length);
    Taps& tap = taps[i];
    tap.first = first;
    double total = 0;
    for (int x = first; x < last; ++x) {
      tap.weights.push_back(filter_value(interpolation, (x - center + 0.5) * inverse));
      total += tap.weights.back();
    }
    for (double& weight : tap.weights)
      if (total != 0) weight /= total;
  }
  return taps;
}

}  // namespace manul
