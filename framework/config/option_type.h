#pragma once

#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "manul/framework/config/config.h"

namespace manul {

/// Height and width: `3` or `{3, 5}`.
struct Size2D {
  int64_t height, width;

  constexpr Size2D(int64_t both) : height(both), width(both) {}
  constexpr Size2D(int64_t height, int64_t width) : height(height), width(width) {}
  bool operator==(const Size2D&) const = default;
};

/// An axis of a batch: -1 is the last one. Files have it as an integer or as a list of one.
struct Axis {
  int64_t value;

  constexpr Axis(int64_t value) : value(value) {}
  bool operator==(const Axis&) const = default;
};

/// One integer or several: `-1` or `{1, 2}`. Files have one as an integer or as a list of one.
struct Integers {
  std::vector<int64_t> values;

  Integers(int64_t value) : values{value} {}
  Integers(std::vector<int64_t> values) : values(std::move(values)) {}
  Integers(std::initializer_list<int64_t> values) : values(values) {}
  bool operator==(const Integers&) const = default;
};

/// How a type of C++ stands in a config. Specialise it for an enumeration of your own, and describe() can
/// name options of it:
///     wanted           what a value must be, for messages: "an integer"
///     read(config)     the value, or nothing if the config is not one
///     write(value)     the config
///     numbers(value)   the numbers that a Range bounds; leave it out if there are none
template <class T>
struct OptionType;

template <>
struct OptionType<bool> {
  static constexpr const char* wanted = "true or false";
  static std::optional<bool> read(const Config& config);
  static Config write(bool value) { return value; }
};

template <>
struct OptionType<int64_t> {
  static constexpr const char* wanted = "an integer";
  static std::optional<int64_t> read(const Config& config);
  static Config write(int64_t value) { return value; }
  static std::vector<double> numbers(int64_t value) { return {static_cast<double>(value)}; }
};

template <>
struct OptionType<double> {
  static constexpr const char* wanted = "a number";
  static std::optional<double> read(const Config& config);
  static Config write(double value) { return value; }
  static std::vector<double> numbers(double value) { return {value}; }
};

template <>
struct OptionType<std::string> {
  static constexpr const char* wanted = "a string";
  static std::optional<std::string> read(const Config& config);
  static Config write(const std::string& value) { return value; }
};

template <>
struct OptionType<Size2D> {
  static constexpr const char* wanted = "one integer or two";
  static std::optional<Size2D> read(const Config& config);
  static Config write(const Size2D& value) { return Config::List{value.height, value.width}; }
  static std::vector<double> numbers(const Size2D& value) {
    return {static_cast<double>(value.height), static_cast<double>(value.width)};
  }
};

template <>
struct OptionType<Axis> {
  static constexpr const char* wanted = "one integer";
  static std::optional<Axis> read(const Config& config);
  static Config write(Axis value) { return value.value; }
};

template <>
struct OptionType<std::vector<int64_t>> {
  static constexpr const char* wanted = "a list of integers";
  static std::optional<std::vector<int64_t>> read(const Config& config);
  static Config write(const std::vector<int64_t>& value);
  static std::vector<double> numbers(const std::vector<int64_t>& value) {
    return {value.begin(), value.end()};
  }
};

template <>
struct OptionType<std::vector<double>> {
  static constexpr const char* wanted = "a list of numbers";
  static std::optional<std::vector<double>> read(const Config& config);
  static Config write(const std::vector<double>& value);
  static std::vector<double> numbers(const std::vector<double>& value) { return value; }
};

template <>
struct OptionType<Integers> {
  static constexpr const char* wanted = "an integer or a list of integers";
  static std::optional<Integers> read(const Config& config);
  static Config write(const Integers& value);
  static std::vector<double> numbers(const Integers& value) {
    return {value.values.begin(), value.values.end()};
  }
};

/// null where there is no value.
template <class T>
struct OptionType<std::optional<T>> {
  static constexpr const char* wanted = OptionType<T>::wanted;
  static std::optional<std::optional<T>> read(const Config& config) {
    if (config.is_null()) return std::optional<T>();
    std::optional<T> value = OptionType<T>::read(config);
    if (!value) return std::nullopt;
    return value;
  }
  static Config write(const std::optional<T>& value) {
    return value ? OptionType<T>::write(*value) : Config();
  }
  static std::vector<double> numbers(const std::optional<T>& value) {
    return value ? OptionType<T>::numbers(*value) : std::vector<double>();
  }
};

}  // namespace manul
