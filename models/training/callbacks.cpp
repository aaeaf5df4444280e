#include "manul/models/training/callbacks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "manul/framework/atomic_file.h"
#include "manul/framework/warning.h"
#include "manul/models/graph/model.h"

namespace manul {
namespace {

/// Names of metrics of which more is better end in one of these.
bool larger_is_better(const std::string& name, MonitorMode mode) {
  if (mode != MonitorMode::by_name) return mode == MonitorMode::max;
  constexpr std::array endings{"accuracy", "acc",         "auc",  "precision",
                               "recall",   "f1_score",    "io_u", "true_positives",
                               "iou",      "fbeta_score", "f1",   "true_negatives"};
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

std::string names_of(const Logs& logs) {
  std::string names;
  for (const auto& [name, value] : logs) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

Monitor::Monitor(std::string name, MonitorMode mode, double min_delta)
    : name_(std::move(name)),
      larger_is_better_(larger_is_better(name_, mode)),
      min_delta_(std::abs(min_delta)) {}

double Monitor::worst() const {
  double infinity = std::numeric_limits<double>::infinity();
  return larger_is_better_ ? -infinity : infinity;
}

bool Monitor::improves(double value, double reference) const {
  return larger_is_better_ ? value - min_delta_ > reference : value + min_delta_ < reference;
}

double Monitor::value_in(const Logs& logs) const {
  const double* value = find_log(logs, name_);
  if (!value)
    fail(ErrorKind::usage, "fit: {} is to be watched, but an epoch has only {}", name_, names_of(logs));
  return *value;
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)),
      monitor_(options_.monitor, options_.mode, options_.min_delta),
      best_(monitor_.worst()) {}

void EarlyStopping::on_train_begin(FitProgress& /*fit*/) {
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

ModelCheckpoint::ModelCheckpoint(ModelCheckpointOptions options)
    : options_(std::move(options)), monitor_(options_.monitor, options_.mode), best_(monitor_.worst()) {}

void ModelCheckpoint::on_train_begin(FitProgress& /*fit*/) {
  best_ = monitor_.worst();
}

void ModelCheckpoint::on_epoch_end(FitProgress& fit, const Logs& logs) {
  if (options_.save_best_only) {
    double value = monitor_.value_in(logs);
    if (!monitor_.improves(value, best_)) return;
    best_ = value;
  }
  fit.save_checkpoint(options_.path);
}

void ModelCheckpoint::on_train_end(FitProgress& fit) {
  if (!options_.save_best_only && fit.history.stop_reason == StopReason::requested)
    fit.save_checkpoint(options_.path);
}

void ModelCheckpoint::save_state(TrainingState& state) const {
  if (options_.save_best_only) state.add("checkpoint_best", best_);
}

void ModelCheckpoint::load_state(const TrainingState& state) {
  if (options_.save_best_only && state.find("checkpoint_best")) best_ = state.number("checkpoint_best");
}

void CSVLogger::on_epoch_end(FitProgress& fit, const Logs& logs) {
  std::string text = "epoch";
  for (const auto& [name, value] : logs) text += ',' + name;
  text += '\n';
  int64_t epoch = first_epoch_;
  for (const Logs& line : fit.history.epochs()) {
    text += fmt::format("{}", epoch++);
    for (const auto& [name, unused] : logs) {
      const double* value = find_log(line, name);
      text += ',' + (value ? fmt::format("{}", *value) : "");
    }
    text += '\n';
  }
  try {
    write_file_atomically(path_, text);
    problem_.clear();
  } catch (const Error& error) {
    if (problem_.empty()) warn("history: {}; the training goes on without it", error.what());
    problem_ = error.what();
  }
}

void TerminateOnNaN::on_epoch_begin(FitProgress& /*fit*/) {
  looked_ = std::chrono::steady_clock::now();
}

void TerminateOnNaN::on_step_end(FitProgress& fit) {
  auto now = std::chrono::steady_clock::now();
  if (now - looked_ < interval_) return;
  looked_ = now;
  if (!std::isfinite(fit.running_logs().front().second)) fit.stop(StopReason::not_finite);
}

void TerminateOnNaN::on_epoch_end(FitProgress& fit, const Logs& logs) {
  if (!std::isfinite(logs.front().second)) fit.stop(StopReason::not_finite);
}

}  // namespace manul
