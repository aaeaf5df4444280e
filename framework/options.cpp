#include "manul/framework/options.h"

#include <fmt/format.h>

#include <cmath>

namespace manul {

const OptionValue* find_option(const Options& options, std::string_view key) {
  for (const auto& [name, value] : options)
    if (name == key) return &value;
  return nullptr;
}

void check_known(const std::string& what, const Options& known, const Options& given) {
  for (const auto& [key, value] : given)
    check(find_option(known, key) != nullptr, "{} has no option {}", what, key);
}

std::string text_of(const OptionValue& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const int64_t* number = std::get_if<int64_t>(&value)) return fmt::format("{}", *number);
  if (const double* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const std::string* word = std::get_if<std::string>(&value)) return "'" + *word + "'";
  if (const auto* list = std::get_if<std::vector<double>>(&value)) {
    std::string text;
    for (double number : *list) text += (text.empty() ? "[" : ", ") + fmt::format("{}", number);
    return text.empty() ? "[]" : text + "]";
  }
  return "none";
}

namespace option_value {

std::optional<bool> read(const OptionValue& value, const bool* /*of*/) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth;
  return std::nullopt;
}

std::optional<int64_t> read(const OptionValue& value, const int64_t* /*of*/) {
  if (const int64_t* number = std::get_if<int64_t>(&value)) return *number;
  const double* number = std::get_if<double>(&value);
  if (number && *number == std::floor(*number) && std::abs(*number) < 9e15)
    return static_cast<int64_t>(*number);
  return std::nullopt;
}

std::optional<double> read(const OptionValue& value, const double* /*of*/) {
  if (const double* number = std::get_if<double>(&value)) return *number;
  if (const int64_t* number = std::get_if<int64_t>(&value)) return static_cast<double>(*number);
  return std::nullopt;
}

std::optional<std::string> read(const OptionValue& value, const std::string* /*of*/) {
  if (const std::string* word = std::get_if<std::string>(&value)) return *word;
  return std::nullopt;
}

std::optional<std::vector<double>> read(const OptionValue& value, const std::vector<double>* /*of*/) {
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return *list;
  if (std::holds_alternative<std::monostate>(value)) return std::vector<double>();
  if (std::optional<double> one = read(value, static_cast<const double*>(nullptr))) return std::vector{*one};
  return std::nullopt;
}

}  // namespace option_value
}  // namespace manul
