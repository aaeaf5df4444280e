#pragma once

#include <chrono>
#include <optional>

#include "manul/models/training/fit.h"

namespace manul {

/// Whether smaller or larger values are better; by_name: larger where the name is that of an accuracy, AUC,
/// precision, recall, F-score or IoU.
enum class MonitorMode { by_name, min, max };

/// A log that is watched for improvement: strictly below best - min_delta (or above best + min_delta). NaN
/// never improves.
class Monitor {
 public:
  Monitor(std::string name, MonitorMode mode, double min_delta = 0);
  /// Worse than every number.
  double worst() const;
  bool improves(double value, double reference) const;
  /// The log's value. Throws naming the logs there are if it is not among them.
  double value_in(const Logs& logs) const;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  bool larger_is_better_;
  double min_delta_;
};

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";
  int64_t patience = 0;  // epochs without improvement before it stops
  double min_delta = 0;
  MonitorMode mode = MonitorMode::by_name;
  std::optional<double> baseline = {};  // the wait restarts only if this is beaten as well
  bool restore_best_weights = false;
  int64_t start_from_epoch = 0;
};

/// Stops when a log no longer improves, with the meaning of Keras 3: the best weights come back at the end
/// even if it did not stop. (Not after a stop that was requested: that fit is to be resumed.)
class EarlyStopping : public Callback {
 public:
  explicit EarlyStopping(EarlyStoppingOptions options = {});
  double best() const { return best_; }
  int64_t best_epoch() const { return best_epoch_; }
  int64_t wait() const { return wait_; }

  void on_train_begin(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void on_train_end(FitProgress& fit) override;
  void save_state(TrainingState& state) const override;
  void load_state(const TrainingState& state) override;

 private:
  void keep_weights(const Model& model, int64_t epoch);

  EarlyStoppingOptions options_;
  Monitor monitor_;
  double best_;
  int64_t best_epoch_ = 0, wait_ = 0;
  Tensor best_values_, best_statistics_;
};

struct ModelCheckpointOptions {
  std::string path;
  bool save_best_only = false;
  std::string monitor = "val_loss";
  MonitorMode mode = MonitorMode::by_name;
};

/// Saves the model, with all that resuming needs, after every epoch or after those that improve; the one
/// that saves every epoch also saves when a stop is requested in the middle of one.
class ModelCheckpoint : public Callback {
 public:
  explicit ModelCheckpoint(ModelCheckpointOptions options);
  void on_train_begin(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void on_train_end(FitProgress& fit) override;
  void save_state(TrainingState& state) const override;
  void load_state(const TrainingState& state) override;

 private:
  ModelCheckpointOptions options_;
  Monitor monitor_;
  double best_;
};

/// Writes the history as comma-separated values, one line per epoch, counted from 0 as Keras' CSVLogger
/// does unless `first_epoch` says otherwise; after a resume the earlier epochs are there as well. The file is
/// whole at any moment. One that cannot be written is warned about and does not end the training; the next
/// epoch writes all of them again.
class CSVLogger : public Callback {
 public:
  explicit CSVLogger(std::string path, int64_t first_epoch = 0)
      : path_(std::move(path)), first_epoch_(first_epoch) {}
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  /// Why the last epoch could not be written; empty if it was.
  const std::string& problem() const { return problem_; }

 private:
  std::string path_, problem_;
  int64_t first_epoch_;
};

/// Stops when the loss is no longer finite; looks after every epoch, and every `interval` within one.
class TerminateOnNaN : public Callback {
 public:
  explicit TerminateOnNaN(std::chrono::milliseconds interval = std::chrono::seconds(2))
      : interval_(interval) {}
  void on_epoch_begin(FitProgress& fit) override;
  void on_step_end(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;

 private:
  std::chrono::milliseconds interval_;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace manul
