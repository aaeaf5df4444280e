#include "manul/models/training/callbacks/model_checkpoint.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <filesystem>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/models/graph/model.h"
#include "manul/models/keras/h5.h"

namespace manul {
namespace {

/// `pattern` with the numbers that it names.
std::string file_name(const std::string& pattern, const FitProgress& fit, const Logs& logs, bool in_epoch) {
  if (pattern.find('{') == std::string::npos) return pattern;
  fmt::dynamic_format_arg_store<fmt::format_context> numbers;
  std::string names = "epoch";
  numbers.push_back(fmt::arg("epoch", fit.epoch + 1));
  auto add = [&](const char* name, auto number) {
    numbers.push_back(fmt::arg(name, number));
    names += std::string(", ") + name;
  };
  if (in_epoch) add("batch", fit.step);
  for (const auto& [name, value] : logs) add(name.c_str(), value);
  try {
    return fmt::vformat(pattern, numbers);
  } catch (const fmt::format_error& error) {
    fail(ErrorKind::usage, "ModelCheckpoint: the file name {} cannot be made ({}); there are {}", pattern,
         error.what(), names);
  }
}

}  // namespace

ModelCheckpoint::ModelCheckpoint(ModelCheckpointOptions options)
    : options_(std::move(options)),
      monitor_(options_.monitor, options_.mode),
      best_(monitor_.worst()),
      frequency_(options_.save_freq) {
  if (options_.filepath.empty()) fail(ErrorKind::usage, "ModelCheckpoint: there is no file name");
  if (options_.save_freq < 0)
    fail(ErrorKind::usage, "ModelCheckpoint: save_freq is a number of steps, not {}", options_.save_freq);
}

void ModelCheckpoint::on_train_begin(FitProgress& fit) {
  monitor_.follow(fit.model);
  best_ = options_.initial_value_threshold.value_or(monitor_.worst());
  frequency_.begin();
}

void ModelCheckpoint::on_step_end(FitProgress& fit) {
  if (frequency_.is_due(fit)) save_if_due(fit, fit.running_logs(), true);
}

void ModelCheckpoint::on_epoch_end(FitProgress& fit, const Logs& logs) {
  if (frequency_.is_by_epoch()) save_if_due(fit, logs, false);
}

void ModelCheckpoint::save_if_due(FitProgress& fit, const Logs& logs, bool in_epoch) {
  if (options_.save_best_only) {
    double value = monitor_.value_in(logs);
    if (!monitor_.improves(value, best_)) return;
    best_ = value;
  }
  save(fit, file_name(options_.filepath, fit, logs, in_epoch));
}

void ModelCheckpoint::save(FitProgress& fit, const std::string& path) const {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && processes().is_first()) make_folders(folder, ErrorKind::failed);
  if (options_.save_weights_only)
    save_weights(fit.model, path);
  else
    fit.save_checkpoint(path);
}

void ModelCheckpoint::on_train_end(FitProgress& fit) {
  bool one_name = options_.filepath.find('{') == std::string::npos;
  if (one_name && !options_.save_best_only && frequency_.is_by_epoch() &&
      fit.history.stop_reason == StopReason::requested)
    save(fit, options_.filepath);
}

void ModelCheckpoint::save_state(TrainingState& state) const {
  if (options_.save_best_only) state.add("checkpoint_best", best_);
}

void ModelCheckpoint::load_state(const TrainingState& state) {
  if (options_.save_best_only && state.find("checkpoint_best")) best_ = state.number("checkpoint_best");
}

template bool register_callback<ModelCheckpoint, ModelCheckpointOptions>(const std::string& name);

}  // namespace manul
