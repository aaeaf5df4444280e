#include "manul/models/training/callbacks/tensor_board.h"

#include <cmath>
#include <filesystem>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"
#include "manul/framework/warning.h"
#include "manul/models/graph/model.h"
#include "manul/models/tensorboard/event_file.h"

namespace manul {

namespace fs = std::filesystem;

namespace {

/// Of the step that comes next.
double learning_rate(const Model& model) {
  StepState state = model.state().read();
  LearningRate rate = model.optimizer().learning_rate();
  return rate.schedule() ? rate.schedule()->at(state.iteration) : state.learning_rate;
}

}  // namespace

TensorBoard::TensorBoard(TensorBoardOptions options) : options_(std::move(options)) {
  if (options_.log_dir.empty()) fail(ErrorKind::usage, "TensorBoard: there is no folder");
  if (options_.histogram_freq < 0 || options_.update_freq < 0)
    fail(ErrorKind::usage,
         "TensorBoard: histogram_freq counts epochs and update_freq steps, neither is negative");
}

TensorBoard::~TensorBoard() = default;

EventFile& TensorBoard::file(const char* part, std::unique_ptr<EventFile>& file) const {
  if (!file) file = std::make_unique<EventFile>(fs::path(options_.log_dir) / part);
  return *file;
}

/// Hours of training do not end because a disk is full.
template <class Write>
void TensorBoard::attempt(Write write) {
  if (failed_) return;
  try {
    write();
  } catch (const Error& error) {
    failed_ = true;
    warn("TensorBoard: {}; the training goes on without it", error.what());
  }
}

void TensorBoard::on_train_begin(FitProgress& fit) {
  train_.reset();
  validation_.reset();
  failed_ = !processes().is_first();  // which writes for all
  epochs_written_ = -1;
  attempt([&] {
    writes_earlier_ = !has_event_files(fs::path(options_.log_dir) / "train");
    EventFile& events = file("train", train_);
    if (options_.write_graph) events.graph(fit.model.graph());
  });
}

void TensorBoard::on_step_end(FitProgress& fit) {
  if (options_.update_freq == 0 || fit.step % options_.update_freq != 0) return;
  Logs logs = fit.running_logs();
  attempt([&] {
    for (const auto& [name, value] : logs)
      file("train", train_).scalar("batch_" + name, fit.epoch * fit.steps + fit.step, value);
  });
}

void TensorBoard::on_epoch_end(FitProgress& fit, const Logs& logs) {
  attempt([&] {
    int64_t first = epochs_written_ < 0 && writes_earlier_ ? 0 : fit.epoch;
    for (int64_t epoch = first;
         epoch < fit.epoch && epoch < static_cast<int64_t>(fit.history.epochs().size()); ++epoch)
      write_epoch(fit, fit.history.epochs()[static_cast<size_t>(epoch)], epoch);
    write_epoch(fit, logs, fit.epoch);
    epochs_written_ = fit.epoch + 1;
    double rate = learning_rate(fit.model);
    if (std::isfinite(rate))
      file("train", train_).scalar("epoch_learning_rate", options_.first_epoch + fit.epoch, rate);
    if (options_.histogram_freq > 0 && fit.epoch % options_.histogram_freq == 0) write_weights(fit);
  });
}

void TensorBoard::write_epoch(FitProgress& /*fit*/, const Logs& logs, int64_t epoch) {
  for (const auto& [name, value] : logs) {
    bool validated = name.starts_with("val_");
    EventFile& events = validated ? file("validation", validation_) : file("train", train_);
    events.scalar("epoch_" + name.substr(validated ? 4 : 0), options_.first_epoch + epoch, value);
  }
}

void TensorBoard::write_weights(FitProgress& fit) {
  for (const Parameter& parameter : fit.model.parameters().all())
    file("train", train_)
        .histogram(parameter.path, options_.first_epoch + fit.epoch,
                   parameter.value.to(Device::cpu()).to(DType::f32).to_vector<float>());
}

void TensorBoard::on_train_end(FitProgress& /*fit*/) {
  train_.reset();
  validation_.reset();
}

template bool register_callback<TensorBoard, TensorBoardOptions>(const std::string& name);

}  // namespace manul
