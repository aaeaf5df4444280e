#pragma once

#include "manul/models/training/callbacks.h"

namespace manul {

/// Keeps the weights of a run's best epoch, whether or not that stops the run. When the fit ends otherwise
/// than by request the model holds them, and this the last epoch's; what is then saved can be resumed as if
/// it held the last.
class BestEpoch : public Callback {
 public:
  /// Watches `monitor`; stops after `patience` epochs without a better one, 0: never.
  BestEpoch(std::string monitor, int64_t patience);

  /// Before a fit that resumes: gives the model its last weights again, and takes back that the run had
  /// stopped early if `patience` allows it to go on.
  static void prepare_resume(Model& model, int64_t patience);
  /// After the fit: the model that is to be saved holds the best or the last epoch.
  void choose(Model& model, bool best) const;

  const std::string& monitor() const { return monitor_; }
  /// False while no epoch had a value that can be compared.
  bool has_best() const;
  /// From 0.
  size_t epoch() const { return static_cast<size_t>(early_.best_epoch()); }
  /// Epochs since then.
  int64_t wait() const { return early_.wait(); }

  void on_train_begin(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override { early_.on_epoch_end(fit, logs); }
  void on_train_end(FitProgress& fit) override;
  void save_state(TrainingState& state) const override { early_.save_state(state); }
  void load_state(const TrainingState& state) override { early_.load_state(state); }

 private:
  std::string monitor_;
  EarlyStopping early_;
  Tensor last_values_, last_statistics_;
};

}  // namespace manul
