#include "manul/framework/config/json.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "manul/framework/error.h"

namespace manul {
namespace {

using Json = nlohmann::json;
constexpr int deepest = 64;
constexpr size_t largest_map = 1000;
constexpr int64_t most_values = 1'000'000;

/// Fails on text that is nested too deeply or has too many values, before anything recurses over it or memory
/// is asked for: a value takes up to a hundred times the memory of its text.
void check_size(const std::string& text) {
  int depth = 0;
  int64_t values = 1;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{') && ++depth > deepest)
      fail(ErrorKind::model_file, "the JSON is nested more than {} levels deep", deepest);
    else if (!quoted && (c == ']' || c == '}'))
      --depth;
    if (!quoted && (c == ',' || c == '[' || c == '{') && ++values > most_values)
      fail(ErrorKind::model_file, "the JSON has more than {} values", most_values);
  }
}

Config from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return nullptr;
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return json.get<double>();
      [[fallthrough]];
    case Json::value_t::number_integer:
      return json.get<int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::array: {
      Config::List list;
      for (const Json& item : json) list.push_back(from_json(item));
      return list;
    }
    default: {
      if (json.size() > largest_map)
        fail(ErrorKind::model_file, "the JSON has an object of {} entries; at most {} are read", json.size(),
             largest_map);
      Config map = Config::map();
      for (const auto& [key, value] : json.items()) map.set(key, from_json(value));
      return map;
    }
  }
}

nlohmann::ordered_json to_json(const Config& config) {
  using Json = nlohmann::ordered_json;
  if (config.is_bool()) return config.as_bool();
  if (config.is_int()) return config.as_int();
  if (config.is_double()) return config.as_double();
  if (config.is_string()) return config.as_string();
  if (config.is_list()) {
    Json list = Json::array();
    for (const Config& item : config.as_list()) list.push_back(to_json(item));
    return list;
  }
  if (!config.is_map()) return nullptr;
  Json map = Json::object();
  for (const Config::Entry& entry : config.as_map()) map[entry.key] = to_json(entry.value);
  return map;
}

}  // namespace

Config parse_json(const std::string& text) {
  check_size(text);
  try {
    return from_json(Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    std::string reason = error.what();  // "[json.exception.NAME.NUMBER] what happened"
    fail(ErrorKind::model_file, "is not valid JSON: {}", reason.substr(reason.find("] ") + 2));
  }
}

std::string json_text(const Config& config) {
  return to_json(config).dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace manul
