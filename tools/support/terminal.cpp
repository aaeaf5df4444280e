#include "manul/tools/support/terminal.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"
#include "manul/framework/system_call.h"
#include "manul/framework/utf8.h"

namespace manul {
namespace {

/// C1 controls, and marks that turn the direction in which what follows is shown.
bool commands_terminal(uint32_t code) {
  return (code >= 0x80 && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
}

/// What was printed, until there is a file for it.
struct Log {
  std::string before, name;
  std::FILE* file = nullptr;
  bool has_failed = false;
};
Log& log_of_run() {
  static Log log;
  return log;
}

void write_to_log(const std::string& text) {
  constexpr size_t most_before = size_t{1} << 20;
  Log& log = log_of_run();
  if (log.file) {
    if (log.has_failed) return;
    errno = 0;
    log.has_failed =
        std::fwrite(text.data(), 1, text.size(), log.file) != text.size() || std::fflush(log.file) != 0;
    if (log.has_failed)  // not by warn(), which comes here
      fmt::print(stderr, "{}: cannot be written: {}; the log ends there\n", log.name, std::strerror(errno));
  } else if (log.before.size() < most_before) {
    log.before += text;
  }
}

/// What failed earlier has left no reason.
[[noreturn]] void refuse_output() {
  fail(ErrorKind::failed, "the output could not be written{}{}", errno != 0 ? ": " : "",
       errno != 0 ? std::strerror(errno) : "");
}

}  // namespace

void write_if_possible(std::FILE* stream, const std::string& text) {
  if (stream == stdout && !processes().is_first()) return;  // it tells for all
  std::fwrite(text.data(), 1, text.size(), stream);
  write_to_log(text);
}

void keep_log_in(const std::string& file) {
  Log& log = log_of_run();
  int descriptor =
      retried([&] { return ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); });
  log.file = descriptor < 0 ? nullptr : ::fdopen(descriptor, "w");
  if (!log.file) fail(ErrorKind::failed, "{}: cannot be written: {}", file, std::strerror(errno));
  log.name = file;
  write_to_log(std::exchange(log.before, ""));
}

void write_result(const std::string& text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) refuse_output();
}

void flush_results() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) refuse_output();
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    Utf8Character next = first_utf8_character(text);
    if (next.code == '\n')
      shown += "\\n";
    else if (!next.valid || next.code < 0x20 || next.code == 0x7f)
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    else if (commands_terminal(next.code))
      shown += fmt::format("\\u{:04x}", next.code);
    else
      shown += text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
  }
  return shown;
}

std::string printable_lines(const std::string& text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    shown += printable(std::string_view(text).substr(at, end - at)) + '\n';
    at = end + 1;
  }
  return shown;
}

std::string shell_word(const std::string& text) {
  auto is_plain = [](unsigned char c) {
    return std::isalnum(c) || c >= 0x80 || std::strchr("_-./+,:=@%", c);
  };
  bool shown_as_it_is = printable(text) == text;
  if (shown_as_it_is && std::all_of(text.begin(), text.end(), is_plain) && !text.empty()) return text;
  std::string word = shown_as_it_is ? "'" : "$'";
  for (unsigned char c : text) {
    if (c == '\'')
      word += shown_as_it_is ? "'\\''" : "\\'";
    else if (!shown_as_it_is && (c < 0x20 || c >= 0x7f))
      word += fmt::format("\\x{:02x}", c);
    else if (!shown_as_it_is && c == '\\')
      word += "\\\\";
    else
      word += static_cast<char>(c);
  }
  return word + "'";
}

size_t length_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

namespace {

std::string cut(std::string text, size_t most) {
  while (length_of(text) > most) {
    while ((static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
    text.pop_back();
  }
  return text;
}

}  // namespace

std::string padded(const std::string& text, size_t width, bool right) {
  std::string shown = cut(text, width), gap(width - length_of(shown), ' ');
  return right ? gap + shown : shown + gap;
}

}  // namespace manul
