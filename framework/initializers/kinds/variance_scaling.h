#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "manul/framework/initializers/initializer_of.h"

namespace manul {

/// Draws with the variance scale / fan. mode: fan_in, fan_out or fan_avg; distribution: uniform,
/// truncated_normal ("normal" is Keras' former name of it) or untruncated_normal.
inline std::vector<double> draw_scaled(Drawing& drawing, double scale, std::string_view mode,
                                       std::string_view distribution) {
  check(mode == "fan_in" || mode == "fan_out" || mode == "fan_avg",
        "initializer: the mode is fan_in, fan_out or fan_avg, not {}", mode);
  double fan = mode == "fan_in"    ? drawing.fan_in
               : mode == "fan_out" ? drawing.fan_out
                                   : (drawing.fan_in + drawing.fan_out) / 2;
  fan = std::max(fan, 1.0);
  if (distribution == "uniform") {
    double limit = std::sqrt(3 * scale / fan);
    return drawing.each([&] { return drawing.uniform(-limit, limit); });
  }
  double deviation = std::sqrt(scale / fan);
  if (distribution == "untruncated_normal") return drawing.each([&] { return deviation * drawing.normal(); });
  check(distribution == "truncated_normal" || distribution == "normal",
        "initializer: the distribution is uniform, truncated_normal or untruncated_normal, not {}",
        distribution);
  // The deviation of a normal distribution that is cut at two of its own.
  constexpr double cut_deviation = 0.87962566103423978;
  return drawing.each([&] { return deviation / cut_deviation * drawing.truncated_normal(); });
}

/// Keras' VarianceScaling.
struct VarianceScaling {
  static constexpr const char* class_name = "VarianceScaling";
  double scale = 1;
  std::string mode = "fan_in";
  std::string distribution = "truncated_normal";
  std::optional<int64_t> seed = {};

  void describe(auto& description) {
    description.option("scale", scale, {.least = 0});
    description.option("mode", mode);
    description.option("distribution", distribution);
    description.option("seed", seed);
  }
  std::vector<double> operator()(Drawing& drawing) const {
    return draw_scaled(drawing, scale, mode, distribution);
  }
};

namespace detail {

/// Glorot and Bengio 2010, He et al. 2015, LeCun et al. 1998.
struct FanCase {
  const char* class_name;
  double scale;
  const char *mode, *distribution;
};
inline constexpr std::array<FanCase, 6> fan_cases{{
    {"GlorotUniform", 1, "fan_avg", "uniform"},
    {"GlorotNormal", 1, "fan_avg", "truncated_normal"},
    {"HeUniform", 2, "fan_in", "uniform"},
    {"HeNormal", 2, "fan_in", "truncated_normal"},
    {"LecunUniform", 1, "fan_in", "uniform"},
    {"LecunNormal", 1, "fan_in", "truncated_normal"},
}};

}  // namespace detail

/// A famous case of it, which has a name and a seed alone.
template <size_t number>
struct ScaledCase {
  static constexpr const detail::FanCase& fan_case = detail::fan_cases[number];
  static constexpr const char* class_name = fan_case.class_name;
  std::optional<int64_t> seed = {};

  void describe(auto& description) { description.option("seed", seed); }
  std::vector<double> operator()(Drawing& drawing) const {
    return draw_scaled(drawing, fan_case.scale, fan_case.mode, fan_case.distribution);
  }
};
using GlorotUniform = ScaledCase<0>;
using GlorotNormal = ScaledCase<1>;
using HeUniform = ScaledCase<2>;
using HeNormal = ScaledCase<3>;
using LecunUniform = ScaledCase<4>;
using LecunNormal = ScaledCase<5>;

}  // namespace manul
