#include "manul/framework/config/option_type.h"

#include <cmath>

namespace manul {

std::optional<bool> OptionType<bool>::read(const Config& config) {
  if (config.is_bool() || config == Config(0) || config == Config(1)) return config.as_bool();
  return std::nullopt;
}

std::optional<int64_t> OptionType<int64_t>::read(const Config& config) {
  constexpr double limit = 9007199254740992.0;  // 2^53: whole numbers are exact up to here
  if (config.is_int()) return config.as_int();
  if (config.is_double() && std::abs(config.as_double()) <= limit &&
      config.as_double() == std::floor(config.as_double()))
    return config.as_int();
  return std::nullopt;
}

std::optional<double> OptionType<double>::read(const Config& config) {
  if (config.is_int() || config.is_double()) return config.as_double();
  return std::nullopt;
}

std::optional<std::string> OptionType<std::string>::read(const Config& config) {
  if (config.is_string()) return config.as_string();
  return std::nullopt;
}

std::optional<Size2D> OptionType<Size2D>::read(const Config& config) {
  if (std::optional<int64_t> both = OptionType<int64_t>::read(config)) return Size2D(*both);
  std::optional<std::vector<int64_t>> lengths = OptionType<std::vector<int64_t>>::read(config);
  if (!lengths || lengths->size() != 2) return std::nullopt;
  return Size2D(lengths->at(0), lengths->at(1));
}

std::optional<Axis> OptionType<Axis>::read(const Config& config) {
  bool in_list = config.is_list() && config.as_list().size() == 1;
  std::optional<int64_t> value = OptionType<int64_t>::read(in_list ? config.as_list()[0] : config);
  if (!value) return std::nullopt;
  return Axis(*value);
}

namespace {

template <class T>
std::optional<std::vector<T>> read_list(const Config& config) {
  if (!config.is_list()) return std::nullopt;
  std::vector<T> values;
  for (const Config& item : config.as_list()) {
    std::optional<T> value = OptionType<T>::read(item);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

}  // namespace

std::optional<std::vector<int64_t>> OptionType<std::vector<int64_t>>::read(const Config& config) {
  return read_list<int64_t>(config);
}

Config OptionType<std::vector<int64_t>>::write(const std::vector<int64_t>& value) {
  return Config::List(value.begin(), value.end());
}

std::optional<std::vector<double>> OptionType<std::vector<double>>::read(const Config& config) {
  return read_list<double>(config);
}

Config OptionType<std::vector<double>>::write(const std::vector<double>& value) {
  return Config::List(value.begin(), value.end());
}

std::optional<Integers> OptionType<Integers>::read(const Config& config) {
  if (std::optional<int64_t> value = OptionType<int64_t>::read(config)) return Integers(*value);
  std::optional<std::vector<int64_t>> values = OptionType<std::vector<int64_t>>::read(config);
  if (!values || values->empty()) return std::nullopt;
  return Integers(*values);
}

Config OptionType<Integers>::write(const Integers& value) {
  if (value.values.size() == 1) return value.values[0];
  return OptionType<std::vector<int64_t>>::write(value.values);
}

}  // namespace manul
