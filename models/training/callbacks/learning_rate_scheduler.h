#pragma once

#include <functional>

#include "manul/models/training/callbacks/callback_table.h"

namespace manul {

/// Sets the learning rate before every epoch, as Keras' LearningRateScheduler: `schedule` gives it from the
/// epoch, from 0, and the rate of the moment.
class LearningRateScheduler : public Callback {
 public:
  using Schedule = std::function<double(int64_t epoch, double learning_rate)>;
  /// Throws ErrorKind::usage if there is no function.
  explicit LearningRateScheduler(Schedule schedule);
  void on_epoch_begin(FitProgress& fit) override;

 private:
  Schedule schedule_;
};

inline const bool learning_rate_scheduler_is_registered = register_callback("LearningRateScheduler");

}  // namespace manul
