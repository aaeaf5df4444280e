#include "manul/framework/warning.h"

#include <cstdio>
#include <mutex>
#include <utility>

namespace manul {
namespace {

std::mutex mutex;

WarningHandler& handler() {
  static WarningHandler instance;
  return instance;
}

}  // namespace

void set_warning_handler(WarningHandler next) {
  std::lock_guard lock(mutex);
  handler() = std::move(next);
}

void warn_text(const std::string& text) {
  std::lock_guard lock(mutex);
  if (handler()) return handler()(text);
  std::string line = "manul: " + text + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace manul
