#pragma once

#include "manul/framework/config/option_type.h"
#include "manul/ops/constraints/norm_limits.h"

namespace manul {

/// The axes that a norm is taken over: `0` or `{0, 1, 2}`.
struct NormAxes {
  std::vector<int64_t> values;

  NormAxes(int64_t axis) : values{axis} {}
  NormAxes(std::initializer_list<int64_t> axes) : values(axes) {}
  explicit NormAxes(std::vector<int64_t> axes) : values(std::move(axes)) {}
};

template <>
struct OptionType<NormAxes> {
  static constexpr const char* wanted = "an integer or a list of integers";
  static std::optional<NormAxes> read(const Config& config) {
    if (config.is_int()) return NormAxes(config.as_int());
    auto list = OptionType<std::vector<int64_t>>::read(config);
    if (!list || list->empty()) return std::nullopt;
    return NormAxes(*list);
  }
  static Config write(const NormAxes& axes) {
    if (axes.values.size() == 1) return axes.values[0];
    return OptionType<std::vector<int64_t>>::write(axes.values);
  }
};

}  // namespace manul
