#pragma once

#include <array>

#include "manul/layers/config/option_type.h"
#include "manul/ops/conv/window.h"

namespace manul {

inline std::array<int64_t, 2> lengths_of(const Size2D& size) {
  return {size.height, size.width};
}

template <>
struct OptionType<Padding> {
  static constexpr const char* wanted = "valid or same";
  static std::optional<Padding> read(const Config& config) {
    if (config == Config("valid")) return Padding::valid;
    if (config == Config("same")) return Padding::same;
    return std::nullopt;
  }
  static Config write(Padding value) { return value == Padding::same ? "same" : "valid"; }
};

}  // namespace manul
