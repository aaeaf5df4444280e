#pragma once

#include <chrono>

#include "manul/models/training/callbacks/callback_table.h"

namespace manul {

struct TerminateOnNaNOptions {
  bool raise_error = false;  // an error instead of a stop, as in Keras
  double interval = 2;       // seconds between two looks within an epoch: a look waits for a GPU

  void describe(auto& description) {
    description.option("raise_error", raise_error);
    description.option("interval", interval);
  }
};

/// Stops when the loss is no longer finite; looks after every epoch, and every `interval` within one.
class TerminateOnNaN : public Callback {
 public:
  explicit TerminateOnNaN(TerminateOnNaNOptions options = {}) : options_(options) {}
  explicit TerminateOnNaN(std::chrono::milliseconds interval)
      : TerminateOnNaN(TerminateOnNaNOptions{.interval = std::chrono::duration<double>(interval).count()}) {}
  void on_epoch_begin(FitProgress& fit) override;
  void on_step_end(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;

 private:
  void look_at(double loss, FitProgress& fit) const;

  TerminateOnNaNOptions options_;
  std::chrono::steady_clock::time_point looked_;
};

extern template bool register_callback<TerminateOnNaN, TerminateOnNaNOptions>(const std::string& name);
inline const bool terminate_on_nan_is_registered =
    register_callback<TerminateOnNaN, TerminateOnNaNOptions>("TerminateOnNaN");

}  // namespace manul
