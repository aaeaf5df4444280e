#pragma once

#include <optional>

#include "manul/models/training/callbacks/callback_table.h"
#include "manul/models/training/callbacks/monitor.h"
#include "manul/models/training/callbacks/save_frequency.h"

namespace manul {

struct ModelCheckpointOptions {
  /// May name numbers of the moment, formatted as in Keras: "model-{epoch:02d}-{val_loss:.2f}.h5". Epochs,
  /// and within one batches, count from 1. Folders that are missing are made.
  std::string filepath = {};
  std::string monitor = "val_loss";
  bool save_best_only = false;
  bool save_weights_only = false;  // without what resuming needs
  MonitorMode mode = MonitorMode::by_name;
  int64_t save_freq = 0;  // 0: after every epoch, as Keras' "epoch"; otherwise after so many steps
  std::optional<double> initial_value_threshold = {};  // what is to be beaten before the first save

  void describe(auto& description) {
    description.option("filepath", filepath);
    description.option("monitor", monitor);
    description.option("save_best_only", save_best_only);
    description.option("save_weights_only", save_weights_only);
    describe_mode(description, mode);
    description.option("save_freq", save_freq);
    description.option("initial_value_threshold", initial_value_threshold);
  }
};

/// Saves the model, with all that resuming needs, or its weights: after every epoch or number of steps, or
/// after those that improve. One that saves every epoch to a file of one name also saves when a stop is
/// requested in the middle of one.
class ModelCheckpoint : public Callback {
 public:
  /// Throws ErrorKind::usage if there is no file name.
  explicit ModelCheckpoint(ModelCheckpointOptions options);
  void on_train_begin(FitProgress& fit) override;
  void on_step_end(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void on_train_end(FitProgress& fit) override;
  void save_state(TrainingState& state) const override;
  void load_state(const TrainingState& state) override;

 private:
  void save_if_due(FitProgress& fit, const Logs& logs, bool in_epoch);
  void save(FitProgress& fit, const std::string& path) const;

  ModelCheckpointOptions options_;
  Monitor monitor_;
  double best_;
  SaveFrequency frequency_;
};

extern template bool register_callback<ModelCheckpoint, ModelCheckpointOptions>(const std::string& name);
inline const bool model_checkpoint_is_registered =
    register_callback<ModelCheckpoint, ModelCheckpointOptions>("ModelCheckpoint");

}  // namespace manul
