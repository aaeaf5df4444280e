#include "manul/models/training/progress_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace manul {
namespace {

constexpr double seconds_between_draws = 0.1;
constexpr double seconds_between_lines = 30;
constexpr int bar_width = 20;

std::string repeated(std::string_view mark, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += mark;
  return text;
}

}  // namespace

ProgressBar::ProgressBar(ProgressBarOptions options)
    : options_(std::move(options)), line_(Terminal::of_stderr()) {}

void ProgressBar::print(const std::string& line) const {
  if (options_.print) return options_.print(line);
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

void ProgressBar::on_train_begin(FitProgress& /*fit*/) {
  begin_steps_ = -1;
  table_.reset();
}

void ProgressBar::on_epoch_begin(FitProgress& fit) {
  if (begin_steps_ < 0) {
    begin_steps_ = fit.epoch * fit.steps + fit.step;
    train_ = since_line_ = {};
  }
  epoch_begin_ = fit.samples;
  epoch_ = {};
}

bool ProgressBar::shows_steps() const {
  bool terminal = line_.terminal().is_terminal;
  return options_.verbose == Verbose::bar || (options_.verbose == Verbose::automatic && terminal);
}

bool ProgressBar::is_due() const {
  double seconds = line_.terminal().is_terminal ? seconds_between_draws : seconds_between_lines;
  return shows_steps() && since_line_.seconds() >= seconds;
}

void ProgressBar::on_step_end(FitProgress& fit) {
  bool due = is_due();
  if (options_.verbose == Verbose::none || (!due && fit.step < fit.steps)) return;
  Logs logs = fit.running_logs();  // waits for the device, so the clock is read after it
  speed_ = static_cast<double>(fit.samples - epoch_begin_) / epoch_.seconds();
  if (!due) return;
  draw(fit, logs);
  since_line_ = {};
}

double ProgressBar::seconds_left(const FitProgress& fit) const {
  int64_t done = fit.epoch * fit.steps + fit.step;
  return train_.seconds() / static_cast<double>(done - begin_steps_) *
         static_cast<double>(fit.epochs * fit.steps - done);
}

void ProgressBar::draw(const FitProgress& fit, const Logs& logs) {
  std::string numbers = fmt::format(" {:.0f} {}/s - {} left - {}", speed_, options_.unit,
                                    clock_text(seconds_left(fit)), logs_text(logs));
  std::string count = fmt::format("Epoch {}/{} {}/{}", fit.epoch + 1, fit.epochs, fit.step, fit.steps);
  const Terminal& terminal = line_.terminal();
  if (!terminal.is_terminal) return print(count + numbers);
  auto room = [&] { return terminal.columns() - static_cast<int64_t>(count.size() + numbers.size()) - 2; };
  if (room() < bar_width / 2) count = fmt::format("{}/{}", fit.epoch + 1, fit.epochs);
  int64_t width = std::clamp<int64_t>(room(), 0, bar_width);
  int64_t filled = fit.steps > 0 ? width * fit.step / fit.steps : 0;
  const char* done = terminal.unicode ? "━" : "=";
  const char* open = terminal.unicode ? "─" : ".";
  std::string bar = terminal.green(repeated(done, filled)) + terminal.gray(repeated(open, width - filled));
  line_.show(room() >= 0 ? count + " " + bar + numbers : (count + numbers).substr(0, terminal.columns() - 1));
}

void ProgressBar::on_epoch_end(FitProgress& fit, const Logs& logs) {
  if (options_.verbose == Verbose::none) return;
  line_.erase();
  if (!table_) {
    table_.emplace(fit.epochs, logs, options_.unit);
    print(table_->heading());
  }
  print(table_->row(fit.epoch, epoch_.seconds(), speed_, logs));
}

void ProgressBar::on_train_end(FitProgress& /*fit*/) {
  line_.erase();
}

}  // namespace manul
