#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace manul {

/// A key of a map and its value. (A template, so that Config may hold vectors of it before it is complete.)
template <class Value>
struct ConfigEntry {
  std::string key;
  Value value;
  bool operator==(const ConfigEntry& other) const { return key == other.key && value == other.value; }
};

/// A tree of settings with what JSON can say: null, bool, integer, number, string, list and map (in order of
/// insertion). Layers describe themselves by it, in Keras' keys; the file reader translates it from and to
/// JSON.
class Config {
 public:
  using Entry = ConfigEntry<Config>;
  using List = std::vector<Config>;
  using Map = std::vector<Entry>;

  Config() = default;  // null
  Config(std::nullptr_t) {}
  Config(bool value) : value_(value) {}
  Config(int value) : value_(int64_t{value}) {}
  Config(int64_t value) : value_(value) {}
  Config(double value) : value_(value) {}
  Config(const char* value) : value_(std::string(value)) {}
  Config(std::string value) : value_(std::move(value)) {}
  Config(List value) : value_(std::move(value)) {}
  static Config map(std::initializer_list<Entry> entries = {});
  /// Keras' object: {"class_name": class_name, "config": options}.
  static Config object(std::string class_name, Config options);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_double() const { return std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_list() const { return std::holds_alternative<List>(value_); }
  bool is_map() const { return std::holds_alternative<Map>(value_); }

  /// The value as that type. A number may be read as bool (0 or 1) or, if whole, as integer; an integer as
  /// double. Throws ErrorKind::model_file with what is there otherwise.
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;
  const std::string& as_string() const;
  const List& as_list() const;
  const Map& as_map() const;

  /// Of a map: the value of `key`, or null if it is not there or this is not a map.
  const Config* find(std::string_view key) const;
  /// Of a map: the value of `key`. Throws ErrorKind::model_file naming the key if it is not there.
  const Config& at(std::string_view key) const;
  /// Of a map: the value of `key`, or `otherwise` where the key is absent or null. Throws
  /// ErrorKind::model_file naming the key if the value is of another type.
  bool get(std::string_view key, bool otherwise) const;
  int64_t get(std::string_view key, int64_t otherwise) const;
  double get(std::string_view key, double otherwise) const;
  std::string get(std::string_view key, const char* otherwise) const;
  /// Sets or replaces the value of `key`; null becomes a map.
  void set(std::string_view key, Config value);

  /// In JSON's notation, shortened after some 200 characters: for messages.
  std::string text() const;

  bool operator==(const Config& other) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> value_;
};

}  // namespace manul
