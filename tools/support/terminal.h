#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

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

/// What can be shown where stderr goes.
struct Terminal {
  bool is_terminal = false;  // false: a file or a pipe, or TERM says dumb; nothing is drawn over
  bool colors = false;       // a terminal, and NO_COLOR is not set
  bool unicode = false;      // the locale is UTF-8

  static Terminal of_stderr();
  /// Columns of a line; asked for each time, because windows are resized.
  int columns() const;
  /// `text` in green where there are colours.
  std::string green(std::string_view text) const;
  /// `text` in gray where there are colours.
  std::string gray(std::string_view text) const;
};

/// A line on stderr that is redrawn in place and erased at the end. Shows nothing where there is no terminal.
class StatusLine {
 public:
  explicit StatusLine(const Terminal& terminal) : terminal_(terminal) {}
  ~StatusLine() { erase(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  const Terminal& terminal() const { return terminal_; }
  /// `text` must fit into the terminal's columns.
  void show(const std::string& text);
  void erase() noexcept;

 private:
  Terminal terminal_;
  bool shown_ = false;
};

/// `text` as it may be shown: control characters are written out (a line feed as \\n, others as \\x1b, those
/// of two bytes and those that turn the direction of writing as \\u009b), and so are bytes that are not
/// UTF-8. A name in a file may hold any, and must neither break a line nor command the terminal.
std::string printable(std::string_view text);

/// `text` as one word of a shell's command line, printable as above.
std::string shell_word(const std::string& text);

/// A duration to read at a glance: "0:07", "12:03", "3:00:00".
std::string clock_text(double seconds);

}  // namespace manul
