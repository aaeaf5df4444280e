#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "manul/framework/terminal.h"

namespace manul {

/// Writes `text`, as far as it can be written, and to the log.
void write_if_possible(std::FILE* stream, const std::string& text);

/// fmt::print that does not throw where nothing can be written (a closed pipe or terminal, a full disk), for
/// work that must go on. The stream keeps the error; Program::run() looks for it at the end.
template <class... Args>
void print_if_possible(std::FILE* stream, fmt::format_string<Args...> text, Args&&... args) {
  write_if_possible(stream, fmt::format(text, std::forward<Args>(args)...));
}

/// All that was printed so far and will be, but for bars that are drawn over, stands in `file` as well.
void keep_log_in(const std::string& file);

void write_result(const std::string& text);

/// Prints a result on stdout. Throws ErrorKind::failed with the reason if it cannot be written.
template <class... Args>
void print_result(fmt::format_string<Args...> text, Args&&... args) {
  write_result(fmt::format(text, std::forward<Args>(args)...));
}
/// Throws as print_result() unless all that was printed on stdout has arrived.
void flush_results();

/// `text` as it may be shown: control characters are written out (a line feed as \\n, others as \\x1b, those
/// of two bytes and those that turn the direction of writing as \\u009b), and so are bytes that are not
/// UTF-8. A name in a file may hold any, and must neither break a line nor command the terminal.
std::string printable(std::string_view text);
/// The same of each line of `text`; all of them end.
std::string printable_lines(const std::string& text);

/// Characters of UTF-8.
size_t length_of(const std::string& text);
/// `text` in `width` characters: cut at its end, or with spaces behind it or, if `right`, before it.
std::string padded(const std::string& text, size_t width, bool right);

/// `text` as one word of a shell's command line, printable as above.
std::string shell_word(const std::string& text);

}  // namespace manul
