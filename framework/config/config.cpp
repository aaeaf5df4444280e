#include "manul/framework/config/config.h"

#include <cmath>

#include "manul/framework/error.h"

namespace manul {
namespace {

constexpr size_t shown_characters = 200;

[[noreturn]] void wrong_type(const char* wanted, const Config& found) {
  fail(ErrorKind::model_file, "config: {} is wanted, not {}", wanted, found.text());
}

void append_quoted(std::string& text, const std::string& value) {
  text += '"';
  for (char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  text += '"';
}

void append(std::string& text, const Config& config) {
  if (text.size() > shown_characters) return;
  if (config.is_null()) text += "null";
  if (config.is_bool()) text += config.as_bool() ? "true" : "false";
  if (config.is_int()) text += fmt::format("{}", config.as_int());
  if (config.is_double()) text += fmt::format("{}", config.as_double());
  if (config.is_string()) append_quoted(text, config.as_string());
  if (config.is_list()) {
    const char* separator = "[";
    for (const Config& item : config.as_list()) append(text += std::exchange(separator, ", "), item);
    text += config.as_list().empty() ? "[]" : "]";
  }
  if (config.is_map()) {
    const char* separator = "{";
    for (const Config::Entry& entry : config.as_map()) {
      append_quoted(text += std::exchange(separator, ", "), entry.key);
      append(text += ": ", entry.value);
    }
    text += config.as_map().empty() ? "{}" : "}";
  }
}

/// `read` of the value of `key`, or `otherwise`; an error is thrown again with the key.
template <class Value, class Read>
Value value_or(const Config& config, std::string_view key, Value otherwise, Read read) {
  const Config* value = config.find(key);
  if (!value || value->is_null()) return otherwise;
  try {
    return read(*value);
  } catch (const Error& error) {
    fail(error.kind(), "option {}: {}", key, error.what());
  }
}

}  // namespace

Config Config::map(std::initializer_list<Entry> entries) {
  Config config;
  config.value_ = Map(entries);
  return config;
}

Config Config::object(std::string class_name, Config options) {
  return map({{"class_name", std::move(class_name)}, {"config", std::move(options)}});
}

bool Config::as_bool() const {
  if (const bool* value = std::get_if<bool>(&value_)) return *value;
  if (const int64_t* value = std::get_if<int64_t>(&value_); value && (*value == 0 || *value == 1))
    return *value == 1;
  wrong_type("true or false", *this);
}

int64_t Config::as_int() const {
  constexpr double limit = 9007199254740992.0;  // 2^53: whole numbers are exact up to here
  if (const int64_t* value = std::get_if<int64_t>(&value_)) return *value;
  if (const double* value = std::get_if<double>(&value_);
      value && std::abs(*value) <= limit && *value == std::floor(*value))
    return static_cast<int64_t>(*value);
  wrong_type("an integer", *this);
}

double Config::as_double() const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  if (const int64_t* value = std::get_if<int64_t>(&value_)) return static_cast<double>(*value);
  wrong_type("a number", *this);
}

const std::string& Config::as_string() const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  wrong_type("a string", *this);
}

const Config::List& Config::as_list() const {
  if (const auto* value = std::get_if<List>(&value_)) return *value;
  wrong_type("a list", *this);
}

const Config::Map& Config::as_map() const {
  if (const auto* value = std::get_if<Map>(&value_)) return *value;
  wrong_type("a map", *this);
}

const Config* Config::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const Entry& entry : as_map())
    if (entry.key == key) return &entry.value;
  return nullptr;
}

const Config& Config::at(std::string_view key) const {
  const Config* value = find(key);
  if (!value) fail(ErrorKind::model_file, "config: the option {} is missing", key);
  return *value;
}

bool Config::get(std::string_view key, bool otherwise) const {
  return value_or(*this, key, otherwise, [](const Config& value) { return value.as_bool(); });
}

int64_t Config::get(std::string_view key, int64_t otherwise) const {
  return value_or(*this, key, otherwise, [](const Config& value) { return value.as_int(); });
}

double Config::get(std::string_view key, double otherwise) const {
  return value_or(*this, key, otherwise, [](const Config& value) { return value.as_double(); });
}

std::string Config::get(std::string_view key, const char* otherwise) const {
  return value_or(*this, key, std::string(otherwise), [](const Config& value) { return value.as_string(); });
}

void Config::set(std::string_view key, Config value) {
  if (is_null()) value_ = Map();
  as_map();
  auto& entries = std::get<Map>(value_);
  for (Entry& entry : entries) {
    if (entry.key != key) continue;
    entry.value = std::move(value);
    return;
  }
  entries.push_back({std::string(key), std::move(value)});
}

std::string Config::text() const {
  std::string text;
  append(text, *this);
  if (text.size() > shown_characters) text = text.substr(0, shown_characters) + "..";
  return text;
}

bool Config::operator==(const Config& other) const {
  return value_ == other.value_;
}

}  // namespace manul
