#include "manul/models/training/callbacks/learning_rate_scheduler.h"

#include <cmath>

#include "manul/framework/error.h"
#include "manul/models/graph/model.h"

namespace manul {

LearningRateScheduler::LearningRateScheduler(Schedule schedule) : schedule_(std::move(schedule)) {
  if (!schedule_) fail(ErrorKind::usage, "LearningRateScheduler: there is no schedule");
}

void LearningRateScheduler::on_epoch_begin(FitProgress& fit) {
  double rate = schedule_(fit.epoch, fit.model.state().read().learning_rate);
  if (!std::isfinite(rate) || rate < 0)
    fail(ErrorKind::usage, "LearningRateScheduler: epoch {} got the learning rate {}", fit.epoch, rate);
  fit.model.state().set(&StepState::learning_rate, rate);
}

}  // namespace manul
