#pragma once

#include <functional>
#include <string>

#include "manul/framework/error.h"

namespace manul {

/// What is done with warnings: things that a user should know although the work goes on. Called by any
/// thread, one call at a time.
using WarningHandler = std::function<void(const std::string& text)>;

/// Sets the handler; an empty one is the default: a line "manul: TEXT" on stderr.
void set_warning_handler(WarningHandler handler);

/// Tells the handler one sentence.
void warn_text(const std::string& text);

template <class... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
  warn_text(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace manul
