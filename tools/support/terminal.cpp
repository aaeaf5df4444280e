#include "manul/tools/support/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace manul {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The first of these that is set decides, as in setlocale(3).
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (std::string_view value = environment(name); !value.empty())
      return value.ends_with("UTF-8") || value.ends_with("utf8");
  return false;
}

}  // namespace

Terminal Terminal::of_stderr() {
  bool terminal = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb";
  return {terminal, terminal && environment("NO_COLOR").empty(), locale_is_utf8()};
}

int Terminal::columns() const {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string Terminal::green(std::string_view text) const {
  return colors && !text.empty() ? fmt::format("\033[32m{}\033[0m", text) : std::string(text);
}

std::string Terminal::gray(std::string_view text) const {
  return colors && !text.empty() ? fmt::format("\033[90m{}\033[0m", text) : std::string(text);
}

void StatusLine::show(const std::string& text) {
  if (!terminal_.is_terminal) return;
  print_if_possible(stderr, "\r\033[K{}", text);
  std::fflush(stderr);
  shown_ = true;
}

void StatusLine::erase() noexcept {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

std::string printable(std::string_view text) {
  std::string shown;
  for (unsigned char c : text) {
    if (c == '\n')
      shown += "\\n";
    else if (c < 0x20 || c == 0x7f)
      shown += fmt::format("\\x{:02x}", c);
    else
      shown += static_cast<char>(c);
  }
  return shown;
}

std::string clock_text(double seconds) {
  auto whole = static_cast<long long>(std::ceil(std::max(seconds, 0.0)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace manul
