#include "manul/models/training/callbacks/callback_table.h"

#include <algorithm>

#include "manul/framework/config/not_supported.h"
#include "manul/framework/error.h"

// Every header of models/training/callbacks, by CMake: what they register is in the table.
#include "manul_callbacks.inc"

namespace manul {
namespace {

std::vector<CallbackEntry>& table() {
  static std::vector<CallbackEntry> entries;
  return entries;
}

}  // namespace

bool register_callback(CallbackEntry entry) {
  std::vector<CallbackEntry>& entries = table();
  auto place =
      std::lower_bound(entries.begin(), entries.end(), entry.name,
                       [](const CallbackEntry& e, const std::string& name) { return e.name < name; });
  if (place != entries.end() && place->name == entry.name) return false;
  entries.insert(place, std::move(entry));
  return true;
}

bool register_callback(const char* name) {
  return register_callback(CallbackEntry{.name = name});
}

const std::vector<CallbackEntry>& registered_callbacks() {
  return table();
}

std::unique_ptr<Callback> make_callback(const std::string& name, const Options& options) {
  for (const CallbackEntry& entry : table()) {
    if (entry.name != name) continue;
    if (!entry.make) fail(ErrorKind::usage, "the callback {} takes functions: it is made in code", name);
    for (const auto& [key, value] : options)
      if (!find_option(entry.options, key))
        fail(ErrorKind::usage, "the callback {} has no option {}", name, key);
    return entry.make(options);
  }
  fail(ErrorKind::usage, "there is no callback {}{}", name, why_not_supported("callbacks", name));
}

}  // namespace manul
