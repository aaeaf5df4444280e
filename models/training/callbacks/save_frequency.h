#pragma once

#include "manul/models/training/fit.h"

namespace manul {

/// When a callback saves: after every `steps` steps, or, where that is 0, after epochs.
class SaveFrequency {
 public:
  explicit SaveFrequency(int64_t steps) : steps_(steps) {}

  bool is_by_epoch() const { return steps_ == 0; }
  void begin() { since_ = last_ = 0; }
  /// Whether it is time, at the end of a call that may have run several steps.
  bool is_due(const FitProgress& fit) {
    if (is_by_epoch()) return false;
    since_ += fit.step - (fit.step > last_ ? last_ : 0);
    last_ = fit.step;
    if (since_ < steps_) return false;
    since_ = 0;
    return true;
  }

 private:
  int64_t steps_, since_ = 0, last_ = 0;
};

}  // namespace manul
