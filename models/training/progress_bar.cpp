#include "manul/models/training/progress_bar.h"

#include <fmt/format.h>

#include "manul/framework/distributed/communicator.h"
#include "manul/models/training/progress_line.h"

namespace manul {
ProgressBar::ProgressBar(ProgressBarOptions options)
    : options_(std::move(options)), line_(Terminal::of_stderr()) {}

void ProgressBar::print(const std::string& line) const {
  options_.print ? options_.print(line) : print_line(line);
}

void ProgressBar::on_train_begin(FitProgress& /*fit*/) {
  if (!processes().is_first()) options_.verbose = Verbose::none;
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

bool ProgressBar::is_due() const {
  const Terminal& terminal = line_.terminal();
  return shows_steps(options_.verbose, terminal) && since_line_.seconds() >= seconds_between_lines(terminal);
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
  ProgressLine line{.what = fmt::format("Epoch {}/{}", fit.epoch + 1, fit.epochs),
                    .short_what = fmt::format("{}/{}", fit.epoch + 1, fit.epochs),
                    .step = fit.step,
                    .steps = fit.steps,
                    .speed = speed_,
                    .unit = options_.unit,
                    .seconds_left = seconds_left(fit),
                    .logs = logs};
  std::string text = line.text(line_.terminal());
  line_.terminal().is_terminal ? line_.show(text) : print(text);
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
