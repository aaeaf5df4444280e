#pragma once

#include <optional>

#include "manul/models/training/callbacks/callback_table.h"
#include "manul/models/training/callbacks/monitor.h"

namespace manul {

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";
  int64_t patience = 0;  // epochs without improvement before it stops
  double min_delta = 0;
  MonitorMode mode = MonitorMode::by_name;
  std::optional<double> baseline = {};  // the wait restarts only if this is beaten as well
  bool restore_best_weights = false;
  int64_t start_from_epoch = 0;  // earlier epochs do not count

  void describe(auto& description) {
    description.option("monitor", monitor);
    description.option("min_delta", min_delta);
    description.option("patience", patience);
    describe_mode(description, mode);
    description.option("baseline", baseline);
    description.option("restore_best_weights", restore_best_weights);
    description.option("start_from_epoch", start_from_epoch);
  }
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

extern template bool register_callback<EarlyStopping, EarlyStoppingOptions>(const std::string& name);
inline const bool early_stopping_is_registered =
    register_callback<EarlyStopping, EarlyStoppingOptions>("EarlyStopping");

}  // namespace manul
