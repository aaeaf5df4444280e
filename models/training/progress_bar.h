#pragma once

#include <functional>
#include <optional>

#include "manul/framework/stopwatch.h"
#include "manul/framework/terminal.h"
#include "manul/models/training/epoch_table.h"
#include "manul/models/training/fit.h"

namespace manul {

struct ProgressBarOptions {
  Verbose verbose = Verbose::automatic;  // none: the bar says nothing
  std::string unit = "samples";          // what the data consists of
  /// Takes each line that stays, without its end; empty: to stdout, as far as that can be written.
  std::function<void(const std::string& line)> print = {};
};

/// Shows how a fit proceeds: one row per epoch on stdout, and meanwhile, if stderr is a terminal, a bar on it
/// with what the epoch has reached so far, samples per second and the time left for all epochs.
/// Model::fit() adds one (FitOptions::verbose) unless there is one among its callbacks.
class ProgressBar : public Callback {
 public:
  explicit ProgressBar(ProgressBarOptions options = {});

  void on_train_begin(FitProgress& fit) override;
  void on_epoch_begin(FitProgress& fit) override;
  void on_step_end(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void on_train_end(FitProgress& fit) override;

 private:
  bool is_due() const;
  void draw(const FitProgress& fit, const Logs& logs);
  void print(const std::string& line) const;
  double seconds_left(const FitProgress& fit) const;

  ProgressBarOptions options_;
  StatusLine line_;
  std::optional<EpochTable> table_;
  Stopwatch train_, epoch_, since_line_;
  int64_t begin_steps_ = -1;  // done before this fit began, if it is a resumed one; -1: not begun
  int64_t epoch_begin_ = 0;   // samples of this epoch done before this fit began
  double speed_ = 0;          // samples per second in this epoch so far
};

}  // namespace manul
