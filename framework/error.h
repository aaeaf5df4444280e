#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace manul {

/// What went wrong; the programs turn it into their exit code.
enum class ErrorKind { failed = 1, usage = 2, data = 3, model_file = 4, device = 5 };

/// The one exception of the library. The text is a sentence that names the operation, the thing and both
/// sides of what disagrees.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

/// Throws an Error whose text is formatted as by fmt::format.
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(kind, fmt::format(text, std::forward<Args>(args)...));
}

/// fail() unless `condition` holds. The text is formatted only on failure.
template <class... Args>
void check(bool condition, fmt::format_string<Args...> text, Args&&... args) {
  if (!condition) [[unlikely]]
    throw Error(ErrorKind::failed, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace manul
