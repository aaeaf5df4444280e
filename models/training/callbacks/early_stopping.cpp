#include "manul/models/training/callbacks/early_stopping.h"

#include "manul/models/graph/model.h"

namespace manul {

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)),
      monitor_(options_.monitor, options_.mode, options_.min_delta),
      best_(monitor_.worst()) {}

void EarlyStopping::on_train_begin(FitProgress& fit) {
  monitor_.follow(fit.model);
  best_ = monitor_.worst();
  best_epoch_ = wait_ = 0;
  best_values_ = best_statistics_ = Tensor();
}

void EarlyStopping::on_epoch_end(FitProgress& fit, const Logs& logs) {
  double value = monitor_.value_in(logs);
  if (fit.epoch < options_.start_from_epoch) return;
  if (options_.restore_best_weights && !best_values_.defined()) keep_weights(fit.model, fit.epoch);
  ++wait_;
  if (monitor_.improves(value, best_)) {
    best_ = value;
    best_epoch_ = fit.epoch;
    if (options_.restore_best_weights) keep_weights(fit.model, fit.epoch);
    if (!options_.baseline || monitor_.improves(value, *options_.baseline)) wait_ = 0;
  } else if (wait_ >= options_.patience && fit.epoch > 0) {
    fit.stop(StopReason::early_stopping);
  }
}

void EarlyStopping::on_train_end(FitProgress& fit) {
  if (!best_values_.defined() || fit.history.stop_reason == StopReason::requested) return;
  fit.model.parameters().values().copy_from(best_values_);
  if (best_statistics_.defined()) fit.model.parameters().statistics().copy_from(best_statistics_);
}

void EarlyStopping::keep_weights(const Model& model, int64_t epoch) {
  best_values_ = model.parameters().values().clone();
  const Tensor& statistics = model.parameters().statistics();
  best_statistics_ = statistics.elements() > 0 ? statistics.clone() : Tensor();
  best_epoch_ = epoch;
}

void EarlyStopping::save_state(TrainingState& state) const {
  state.values.set("early_stopping", Config::map({{"wait", wait_}, {"best_epoch", best_epoch_}}));
  state.add("early_stopping_best", best_);
  if (!best_values_.defined()) return;
  state.add("early_stopping_values", best_values_);
  if (best_statistics_.defined()) state.add("early_stopping_statistics", best_statistics_);
}

void EarlyStopping::load_state(const TrainingState& state) {
  const Config* saved = state.values.find("early_stopping");
  if (!saved) return;
  wait_ = saved->at("wait").as_int();
  best_epoch_ = saved->at("best_epoch").as_int();
  best_ = state.number("early_stopping_best");
  if (const Tensor* values = state.find("early_stopping_values")) {
    best_values_ = *values;
    const Tensor* statistics = state.find("early_stopping_statistics");
    best_statistics_ = statistics ? *statistics : Tensor();
  }
}

template bool register_callback<EarlyStopping, EarlyStoppingOptions>(const std::string& name);

}  // namespace manul
