#pragma once

#include "manul/models/training/callbacks/callback_table.h"
#include "manul/models/training/callbacks/monitor.h"

namespace manul {

struct ReduceLROnPlateauOptions {
  std::string monitor = "val_loss";
  double factor = 0.1;    // of the new learning rate to the old one, below 1
  int64_t patience = 10;  // epochs without improvement before it falls
  MonitorMode mode = MonitorMode::by_name;
  double min_delta = 1e-4;
  int64_t cooldown = 0;  // epochs after a fall that do not count
  double min_lr = 0;

  void describe(auto& description) {
    description.option("monitor", monitor);
    description.option("factor", factor);
    description.option("patience", patience);
    describe_mode(description, mode);
    description.option("min_delta", min_delta);
    description.option("cooldown", cooldown);
    description.option("min_lr", min_lr);
  }
};

/// Lowers the learning rate when a log no longer improves, as Keras' ReduceLROnPlateau.
class ReduceLROnPlateau : public Callback {
 public:
  explicit ReduceLROnPlateau(ReduceLROnPlateauOptions options = {});
  double best() const { return best_; }
  int64_t wait() const { return wait_; }
  int64_t cooldown_left() const { return cooldown_left_; }

  void on_train_begin(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void save_state(TrainingState& state) const override;
  void load_state(const TrainingState& state) override;

 private:
  ReduceLROnPlateauOptions options_;
  Monitor monitor_;
  double best_;
  int64_t wait_ = 0, cooldown_left_ = 0;
};

extern template bool register_callback<ReduceLROnPlateau, ReduceLROnPlateauOptions>(const std::string& name);
inline const bool reduce_lr_on_plateau_is_registered =
    register_callback<ReduceLROnPlateau, ReduceLROnPlateauOptions>("ReduceLROnPlateau");

}  // namespace manul
