#include "manul/models/training/progress_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "manul/framework/distributed/communicator.h"
#include "manul/models/training/epoch_table.h"

namespace manul {
namespace {

constexpr int bar_width = 20;

std::string repeated(std::string_view mark, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += mark;
  return text;
}

}  // namespace

std::string ProgressLine::text(const Terminal& terminal) const {
  std::string numbers = fmt::format(" {:.0f} {}/s - {} left", speed, unit, clock_text(seconds_left));
  if (!logs.empty()) numbers += " - " + logs_text(logs);
  std::string count = fmt::format("{} {}/{}", what, step, steps);
  if (!terminal.is_terminal) return count + numbers;
  auto room = [&] { return terminal.columns() - static_cast<int64_t>(count.size() + numbers.size()) - 2; };
  if (room() < bar_width / 2) count = short_what;
  int64_t width = std::clamp<int64_t>(room(), 0, bar_width);
  int64_t filled = steps > 0 ? width * step / steps : 0;
  const char* done = terminal.unicode ? "━" : "=";
  const char* open = terminal.unicode ? "─" : ".";
  std::string bar = terminal.green(repeated(done, filled)) + terminal.gray(repeated(open, width - filled));
  return room() >= 0 ? count + " " + bar + numbers : (count + numbers).substr(0, terminal.columns() - 1);
}

double seconds_between_lines(const Terminal& terminal) {
  return terminal.is_terminal ? 0.1 : 30;
}

bool shows_steps(Verbose verbose, const Terminal& terminal) {
  return verbose == Verbose::bar || (verbose == Verbose::automatic && terminal.is_terminal);
}

void print_line(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

EvaluationBar::EvaluationBar(std::string what, int64_t samples, int64_t steps, Verbose verbose)
    : what_(std::move(what)),
      samples_(samples),
      steps_(steps),
      verbose_(processes().is_first() ? verbose : Verbose::none),
      line_(Terminal::of_stderr()) {}

void EvaluationBar::show(int64_t samples, const std::function<Logs()>& running_logs) {
  ++step_;
  const Terminal& terminal = line_.terminal();
  bool due = shows_steps(verbose_, terminal) && since_line_.seconds() >= seconds_between_lines(terminal);
  if (!due || samples >= samples_) return;
  Logs logs = running_logs ? running_logs() : Logs();
  double seconds = all_.seconds();
  ProgressLine line{
      .what = what_,
      .short_what = what_,
      .step = step_,
      .steps = steps_,
      .speed = static_cast<double>(samples) / seconds,
      .seconds_left = seconds / static_cast<double>(samples) * static_cast<double>(samples_ - samples),
      .logs = std::move(logs)};
  if (terminal.is_terminal)
    line_.show(line.text(terminal));
  else
    print_line(line.text(terminal));
  since_line_ = {};
}

void EvaluationBar::end(const Logs& logs) {
  line_.erase();
  if (verbose_ != Verbose::bar && verbose_ != Verbose::lines) return;
  double seconds = all_.seconds();
  std::string text = fmt::format("{} {}/{} {} {:.0f} samples/s", what_, step_, steps_, clock_text(seconds),
                                 static_cast<double>(samples_) / seconds);
  print_line(logs.empty() ? text : text + " - " + logs_text(logs));
}

}  // namespace manul
