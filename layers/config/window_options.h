#pragma once

#include <array>

#include "manul/framework/config/option_type.h"
#include "manul/ops/conv/window.h"

namespace manul {

inline std::array<int64_t, 2> lengths_of(const Size2D& size) {
  return {size.height, size.width};
}

/// A length along a sequence: files have it as an integer or as a list of one.
struct Size1D {
  int64_t length;

  constexpr Size1D(int64_t length) : length(length) {}
  bool operator==(const Size1D&) const = default;
};

template <>
struct OptionType<Size1D> {
  static constexpr const char* wanted = "one integer";
  static std::optional<Size1D> read(const Config& config) {
    std::optional<Axis> value = OptionType<Axis>::read(config);  // of the same form
    if (!value) return std::nullopt;
    return Size1D(value->value);
  }
  static Config write(const Size1D& value) { return Config::List{value.length}; }
  static std::vector<double> numbers(const Size1D& value) { return {static_cast<double>(value.length)}; }
};

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

/// The borders of a sequence. causal: as many zeros before it as let no output look ahead.
enum class Padding1D { valid, same, causal };

template <>
struct OptionType<Padding1D> {
  static constexpr const char* wanted = "valid, same or causal";
  static std::optional<Padding1D> read(const Config& config) {
    if (config == Config("valid")) return Padding1D::valid;
    if (config == Config("same")) return Padding1D::same;
    if (config == Config("causal")) return Padding1D::causal;
    return std::nullopt;
  }
  static Config write(Padding1D value) {
    return value == Padding1D::causal ? "causal" : value == Padding1D::same ? "same" : "valid";
  }
};

}  // namespace manul
