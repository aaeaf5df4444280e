#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "manul/framework/error.h"

namespace manul {

/// The value of an option: none, a truth value, a number, a word, or several numbers.
using OptionValue = std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<double>>;
/// Options by Keras' keys, in Keras' order.
using Options = std::vector<std::pair<std::string, OptionValue>>;

/// The value of `key`, or null.
const OptionValue* find_option(const Options& options, std::string_view key);
/// Throws if one of the options `given` is not among those `known`; `what`: "the loss huber".
void check_known(const std::string& what, const Options& known, const Options& given);
/// As a user would write it: 0.5, true, 'ROC', [0.1, 0.2], none.
std::string text_of(const OptionValue& value);

/// From and to a member of a struct of options; read() gives nothing where the value is not of that kind. A
/// number is read as an integer if it is whole; one number as a list of one.
namespace option_value {
std::optional<bool> read(const OptionValue& value, const bool* of);
std::optional<int64_t> read(const OptionValue& value, const int64_t* of);
std::optional<double> read(const OptionValue& value, const double* of);
std::optional<std::string> read(const OptionValue& value, const std::string* of);
std::optional<std::vector<double>> read(const OptionValue& value, const std::vector<double>* of);
template <class T>
std::optional<std::optional<T>> read(const OptionValue& value, const std::optional<T>* /*of*/) {
  if (std::holds_alternative<std::monostate>(value)) return std::optional<T>();
  std::optional<T> known = read(value, static_cast<const T*>(nullptr));
  return known ? std::optional<std::optional<T>>(known) : std::nullopt;
}

template <class T>
OptionValue write(const T& value) {
  return value;
}
inline OptionValue write(const std::vector<double>& value) {
  return value.empty() ? OptionValue() : OptionValue(value);
}
template <class T>
OptionValue write(const std::optional<T>& value) {
  return value ? OptionValue(*value) : OptionValue();
}
}  // namespace option_value

/// What a struct of options tells by `void describe(auto& description) { description.option("delta", delta);
/// }`: the options as a list.
struct OptionsOf {
  Options options;
  template <class T>
  void option(const char* key, const T& value) {
    options.emplace_back(key, option_value::write(value));
  }
  void fixed(const char* key, const OptionValue& value) { options.emplace_back(key, value); }
};

/// Sets members from a list of options; those that are not named keep their defaults.
class OptionsInto {
 public:
  explicit OptionsInto(const Options& options) : options_(options) {}
  template <class T>
  void option(const char* key, T& value) {
    const OptionValue* given = find_option(options_, key);
    if (!given) return;
    std::optional<T> read = option_value::read(*given, &value);
    check(read.has_value(), "the option {} cannot be {}", key, text_of(*given));
    value = *read;
  }
  /// An option of Keras that has this value alone here.
  void fixed(const char* key, const OptionValue& value) {
    const OptionValue* given = find_option(options_, key);
    check(!given || *given == value, "the option {} = {} is not supported, only {}", key,
          given ? text_of(*given) : "", text_of(value));
  }

 private:
  const Options& options_;
};

template <class T>
concept HasOptions = requires(T value, OptionsOf list) {
  value.describe(list);
};

template <class T>
Options options_of(const T& value) {
  OptionsOf list;
  if constexpr (HasOptions<T>) const_cast<T&>(value).describe(list);
  return std::move(list.options);
}

/// A T with these options. Keys that it does not have are left to the caller.
template <class T>
T with_options(const Options& options) {
  T value;
  OptionsInto reader(options);
  if constexpr (HasOptions<T>) value.describe(reader);
  return value;
}

}  // namespace manul
