#include "manul/framework/terminal.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace manul {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The first of these that is set decides, as in setlocale(3), which compares codesets by their letters and
/// digits alone: en_US.UTF-8, en_US.UTF8, en_US.utf8, de_DE.utf-8@euro.
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string_view value = environment(name);
    if (value.empty()) continue;
    value = value.substr(0, value.find('@'));
    value.remove_prefix(std::min(value.find('.'), value.size()));
    std::string codeset;
    for (unsigned char c : value)
      if (std::isalnum(c)) codeset += static_cast<char>(std::tolower(c));
    return codeset == "utf8";
  }
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
  std::fputs(("\r\033[K" + text).c_str(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

void StatusLine::erase() noexcept {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

std::string clock_text(double seconds) {
  auto whole = static_cast<long long>(std::ceil(std::max(seconds, 0.0)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace manul
