#include "manul/framework/config/description.h"

#include <algorithm>
#include <cmath>

#include "manul/framework/error.h"

namespace manul {
namespace {

/// null, false, [] and {} ask for nothing.
bool says_something(const Config& value) {
  return !(value.is_null() || value == Config(false) || (value.is_list() && value.as_list().empty()) ||
           (value.is_map() && value.as_map().empty()));
}

/// The first of the option's keys that the config has and that is not null.
const Config* find(const Config& config, const Option& option) {
  const Config* found = nullptr;
  for (std::string_view key : option.keys)
    if (const Config* value = config.find(key); value && (!found || found->is_null())) found = value;
  return found;
}

/// What is wrong with its numbers; empty if nothing is.
std::string complaint(const Option& option) {
  if (!option.numbers) return {};
  for (double number : option.numbers()) {
    if (std::isnan(number)) return "must be a number, not NaN";
    if (!option.range.contains(number)) return fmt::format("must be {}, not {}", option.range.text(), number);
  }
  return {};
}

}  // namespace

std::string Range::text() const {
  bool has_least = std::isfinite(least), has_most = std::isfinite(most);
  const char* below = below_most ? "below " : "";
  if (has_least && has_most) return fmt::format("from {} to {}{}", least, below, most);
  if (has_least) return fmt::format("at least {}", least);
  if (has_most) return below_most ? fmt::format("below {}", most) : fmt::format("at most {}", most);
  return {};
}

void Description::fixed(const Keys& keys, const Config& value, Written written) {
  visit({.kind = Option::Kind::fixed, .keys = keys.names, .written = written, .standard = value});
}

void Description::kept(const Keys& keys, const Config& standard, Written written) {
  visit({.kind = Option::Kind::kept, .keys = keys.names, .written = written, .standard = standard});
}

void Description::for_training(const Keys& keys, Written written) {
  visit({.kind = Option::Kind::training, .keys = keys.names, .written = written});
}

OptionReader::OptionReader(const Config& config, std::span<const std::string_view> common)
    : config_(config), known_(common.begin(), common.end()) {}

void OptionReader::visit(const Option& option) {
  known_.insert(known_.end(), option.keys.begin(), option.keys.end());
  std::string_view key = option.keys.front();
  const Config* value = find(config_, option);
  bool is_null = !value || value->is_null();
  switch (option.kind) {
    case Option::Kind::value:
      if (is_null && option.required) fail(ErrorKind::model_file, "the option {} is missing", key);
      if (!value || (is_null && !option.reads_null)) return;
      if (!option.read(*value))
        fail(ErrorKind::model_file, "option {}: wants {}, not {}", key, option.wanted, value->text());
      if (std::string what = complaint(option); !what.empty())
        fail(ErrorKind::model_file, "option {}: {}", key, what);
      return;
    case Option::Kind::fixed:
      if (!is_null && !(*value == option.standard))
        fail(ErrorKind::model_file, "option {}: {} is not supported, only {}", key, value->text(),
             option.standard.text());
      return;
    case Option::Kind::kept:
      if (!is_null) kept.set(key, plain_object(*value));
      return;
    case Option::Kind::training:
      if (!is_null && says_something(*value)) untrained.set(key, plain_object(*value));
      return;
  }
}

void OptionReader::finish() const {
  if (!config_.is_map()) return;
  for (const Config::Entry& entry : config_.as_map())
    if (std::find(known_.begin(), known_.end(), entry.key) == known_.end() && says_something(entry.value))
      fail(ErrorKind::model_file, "option {}: {} is not supported", entry.key, entry.value.text());
}

void OptionWriter::visit(const Option& option) {
  std::string_view key = option.keys.front();
  Config value = option.standard;
  if (option.kind == Option::Kind::value) value = option.write();
  if (option.kind == Option::Kind::kept && kept_.find(key)) value = *kept_.find(key);
  if (option.kind == Option::Kind::training && untrained_.find(key)) value = *untrained_.find(key);
  if (option.written == Written::always || !(value == option.standard)) config_.set(key, value);
}

void OptionChecker::visit(const Option& option) {
  if (std::string what = complaint(option); !what.empty())
    fail(ErrorKind::failed, "{}: {} {}", subject_, option.keys.front(), what);
}

void OptionList::visit(const Option& option) {
  entries.push_back({option, option.write ? option.write() : option.standard});
}

Config plain_object(const Config& object) {
  const Config* class_name = object.find("class_name");
  if (!class_name) return object;
  const Config* registered = object.find("registered_name");
  bool is_own =
      registered && registered->is_string() && registered->as_string().find('>') != std::string::npos;
  Config plain = Config::map({{"class_name", is_own ? *registered : *class_name}});
  Config options = Config::map();
  if (const Config* config = object.find("config"); config && config->is_map())
    for (const Config::Entry& entry : config->as_map()) options.set(entry.key, plain_object(entry.value));
  else if (config)
    options = *config;
  plain.set("config", std::move(options));
  return plain;
}

}  // namespace manul
