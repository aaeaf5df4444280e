#include "manul/models/training/callbacks/reduce_lr_on_plateau.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/models/graph/model.h"

namespace manul {

ReduceLROnPlateau::ReduceLROnPlateau(ReduceLROnPlateauOptions options)
    : options_(std::move(options)),
      monitor_(options_.monitor, options_.mode, options_.min_delta),
      best_(monitor_.worst()) {
  if (!(options_.factor < 1))
    fail(ErrorKind::usage, "ReduceLROnPlateau: the factor is below 1, not {}", options_.factor);
}

void ReduceLROnPlateau::on_train_begin(FitProgress& fit) {
  monitor_.follow(fit.model);
  best_ = monitor_.worst();
  wait_ = cooldown_left_ = 0;
}

void ReduceLROnPlateau::on_epoch_end(FitProgress& fit, const Logs& logs) {
  double value = monitor_.value_in(logs);
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    wait_ = 0;
  }
  if (monitor_.improves(value, best_)) {
    best_ = value;
    wait_ = 0;
    return;
  }
  if (cooldown_left_ > 0 || ++wait_ < options_.patience) return;
  double rate = fit.model.state().read().learning_rate;
  if (rate <= options_.min_lr) return;
  fit.model.state().set(&StepState::learning_rate, std::max(rate * options_.factor, options_.min_lr));
  cooldown_left_ = options_.cooldown;
  wait_ = 0;
}

void ReduceLROnPlateau::save_state(TrainingState& state) const {
  state.values.set("reduce_lr_on_plateau", Config::map({{"wait", wait_}, {"cooldown", cooldown_left_}}));
  state.add("reduce_lr_on_plateau_best", best_);
}

void ReduceLROnPlateau::load_state(const TrainingState& state) {
  const Config* saved = state.values.find("reduce_lr_on_plateau");
  if (!saved) return;
  wait_ = saved->at("wait").as_int();
  cooldown_left_ = saved->at("cooldown").as_int();
  best_ = state.number("reduce_lr_on_plateau_best");
}

template bool register_callback<ReduceLROnPlateau, ReduceLROnPlateauOptions>(const std::string& name);

}  // namespace manul
