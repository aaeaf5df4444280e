#pragma once

#include "manul/data/datasets/image_dataset.h"
#include "manul/framework/stopwatch.h"
#include "manul/models/training/fit.h"
#include "manul/tools/support/train_options.h"

namespace manul {

/// Puts the options and the extent of the data into checkpoints, saves one every ten seconds, and refuses to
/// go on with other data.
class Checkpoints : public Callback {
 public:
  Checkpoints(const TrainCommand& command, const ImageDataset& train);

  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void save_state(TrainingState& state) const override;
  void load_state(const TrainingState& state) override;

 private:
  const TrainCommand& command_;
  int64_t pictures_, names_;
  Stopwatch since_saved_;
};

}  // namespace manul
