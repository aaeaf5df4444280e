#pragma once

#include <string>

#include "manul/framework/stopwatch.h"
#include "manul/framework/terminal.h"
#include "manul/models/training/fit.h"

namespace manul {

/// Work under way, in one line: "Epoch 1/5 30/100 ━━━━━───── 512 samples/s - 0:07 left - loss 0.3".
struct ProgressLine {
  std::string what, short_what;  // the second where the terminal has no room for the first and the count
  int64_t step = 0, steps = 0;
  double speed = 0;  // in units a second
  std::string unit = "samples";
  double seconds_left = 0;
  Logs logs = {};

  /// With a bar and in colours, as far as the terminal has room; on none of either.
  std::string text(const Terminal& terminal) const;
};

/// When a line is due: often on a terminal, where it is drawn over, else every half minute.
double seconds_between_lines(const Terminal& terminal);
/// Whether work is shown before it ends.
bool shows_steps(Verbose verbose, const Terminal& terminal);
/// To stdout, as far as that can be written.
void print_line(const std::string& line);

/// How an evaluation or a prediction proceeds. Verbose::automatic: a bar on stderr if that is a terminal, and
/// nothing that stays; bar: elsewhere a line every half minute on stdout; both, and lines, but not automatic:
/// one more at the end.
class EvaluationBar {
 public:
  /// `what`: "evaluate".
  EvaluationBar(std::string what, int64_t samples, int64_t steps, Verbose verbose);
  /// After a step, with all that are done. `running_logs` may wait for the device: it is asked once a line.
  void show(int64_t samples, const std::function<Logs()>& running_logs = {});
  void end(const Logs& logs = {});

 private:
  std::string what_;
  int64_t samples_, steps_, step_ = 0;
  Verbose verbose_;
  StatusLine line_;
  Stopwatch all_, since_line_;
};

}  // namespace manul
