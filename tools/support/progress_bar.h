#pragma once

#include <optional>

#include "manul/models/training/fit.h"
#include "manul/tools/support/epoch_table.h"
#include "manul/tools/support/stopwatch.h"
#include "manul/tools/support/terminal.h"

namespace manul {

/// Shows how a fit proceeds: one row per epoch on stdout, and meanwhile, if stderr is a
/// terminal, a bar on it with what the epoch has reached so far, pictures per second and the time left for
/// all epochs. Without a terminal, a long epoch prints a plain line every half minute.
class ProgressBar : public Callback {
 public:
  explicit ProgressBar(const Terminal& terminal) : line_(terminal) {}

  void on_train_begin(FitProgress& fit) override;
  void on_epoch_begin(FitProgress& fit) override;
  void on_step_end(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void on_train_end(FitProgress& fit) override;

 private:
  void draw(const FitProgress& fit, const Logs& logs);
  double seconds_left(const FitProgress& fit) const;

  StatusLine line_;
  std::optional<EpochTable> table_;
  Stopwatch train_, epoch_, since_line_;
  int64_t begin_steps_ = -1;  // done before this fit began, if it is a resumed one; -1: not begun
  int64_t epoch_begin_ = 0;   // samples of this epoch done before this fit began
  double speed_ = 0;          // pictures per second in this epoch so far
};

}  // namespace manul
