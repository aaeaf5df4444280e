#pragma once

#include <algorithm>
#include <map>

#include "manul/models/graph/model.h"

namespace manul {

/// A data set that feeds a model: its batches, one set of tensors for each length (the last one may be
/// short), at fixed addresses: what a captured step needs. Positions and lengths are those of whole batches,
/// of which each of several processes has a part.
class BatchSource {
 public:
  enum class Use { by_all_processes, by_this_one };
  /// Throws if the samples do not fit the model's inputs and outputs (those of predictions, which each
  /// process makes by itself, have no labels) or if there are none.
  BatchSource(const Model& model, Dataset& data, int64_t batch_size, Use use = Use::by_all_processes);
  int64_t size() const { return size_; }
  int64_t steps() const { return (size_ + batch_size_ - 1) / batch_size_; }
  /// Length of the batch that begins at `position`.
  int64_t length_at(int64_t position) const { return std::min(batch_size_, size_ - position); }
  /// What this process has of a batch of so many samples.
  BatchPart part(int64_t length) const;
  /// Begins an epoch, or goes on with it at sample `first`.
  void begin_epoch(int64_t epoch, uint64_t seed, bool shuffle, int64_t first = 0);
  /// Where the state's position stands when the batch at `position` comes.
  int64_t place(int64_t position) const;
  /// On the host, before the step that takes the `length` samples at `position`, or several such steps.
  void prepare(int64_t position, int64_t length, int64_t steps = 1);
  /// Fills and returns this process's part of the batch of `length` samples at the state's position.
  const Batch& next(const DeviceStepState& state, int64_t length);
  Dataset& data() const { return data_; }

 private:
  Dataset& data_;
  Device device_;
  int64_t size_, batch_size_, first_ = 0;
  bool shared_;
  BatchSpec spec_;
  std::map<int64_t, Batch> batches_;
};

/// Runs a model over a data set in order, in inference mode.
class Evaluator {
 public:
  Evaluator(Model& model, Dataset& data, int64_t batch_size);
  Logs run(Verbose verbose = Verbose::none);

 private:
  Model& model_;
  BatchSource source_;
  DeviceStepState state_;
  Tensor totals_;
  int64_t length_ = 0;
  TrainStep step_;
};

/// Model::fit: the loop over epochs and steps. A step reads nothing on the host: its position, losses and
/// metrics lie on the device.
class Trainer : public FitProgress {
 public:
  Trainer(Model& model, Dataset& train, const FitOptions& options);
  History run();

  Logs running_logs() override;
  void stop(StopReason reason) override;
  void save_checkpoint(const std::string& path) override;

 private:
  void start();
  void check_same_start() const;
  void check_same_weights(const std::string& when) const;
  void take_part();
  /// What one process has decided (a stop, a checkpoint) holds for all.
  void share_decisions();
  void share_totals();
  /// Moving averages that each process has made from its part become their mean.
  void share_statistics();
  void resume(const TrainingState& state);
  /// How many steps, of batches of the same length, the next execution has.
  int64_t steps_at_once() const;
  /// False if it was stopped before the epoch's last step.
  bool run_steps();
  void end_epoch();
  void begin_epoch();
  /// Callbacks and the validation may have used the data set themselves.
  void continue_epoch();
  template <class Event>
  void tell(Event event, bool may_stop = false);
  void look_at_stop();
  TrainingState make_state() const;

  FitOptions options_;
  std::shared_ptr<const int> running_ = std::make_shared<int>();  // see Model::running_fit_
  BatchSource source_;
  std::unique_ptr<Evaluator> validation_;
  Tensor totals_;       // see Model::new_totals
  Tensor part_totals_;  // of several processes, what this one has added since the last sum
  uint64_t seed_;
  int64_t first_order_ = 0;  // which order of the data this fit begins with: earlier fits had the others
  int64_t data_epochs_begun_ = 0;  // of the data set, when this fit began the current one
  int64_t length_ = 0;
  TrainStep step_;
  std::vector<std::string> pending_checkpoints_;
  bool another_saves_ = false;  // one of the other processes has a checkpoint to save
  bool placed_ = false;         // the state's position is that of the next batch
};

}  // namespace manul
