#pragma once

#include <string>
#include <string_view>

namespace manul {

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

/// A duration to read at a glance: "0:07", "12:03", "3:00:00".
std::string clock_text(double seconds);

}  // namespace manul
