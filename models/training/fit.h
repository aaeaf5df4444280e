#pragma once

#include <atomic>

#include "manul/data/datasets/class_weights.h"
#include "manul/data/datasets/dataset.h"
#include "manul/models/training/history.h"
#include "manul/models/training/training_state.h"

namespace manul {

class Callback;
class Model;

/// What fit() tells on its way: Keras' 0, 1, 2 and "auto". A row per epoch goes to stdout; evaluate() and
/// predict() have one line at their end, and none where it is automatic.
enum class Verbose {
  none,
  bar,       // and a bar on stderr; where that is no terminal a plain line every half minute on stdout
  lines,     // a row per epoch
  automatic  // bar on a terminal, lines elsewhere
};

struct FitOptions {
  int64_t epochs = 1;  // in all, those before a resume included
  int64_t batch_size = 32;
  /// Steps that follow each other without the host, if the data set is resident: fewer stops of a GPU, the
  /// same numbers. Callbacks are told once for all of them. Keras takes it in compile().
  int64_t steps_per_execution = 1;
  Dataset* validation = nullptr;  // evaluated in order after every epoch
  /// Of arrays that are trained on: the last part, taken away before they are shuffled, for validation.
  double validation_split = 0;
  /// Arrays for validation, in place of the two above.
  struct Arrays {
    Tensors x, y, weights = {};
  } validation_data = {};
  /// Of arrays that are trained on: how much each sample counts in the loss, f32 [N], one for all outputs or
  /// one for each. The loss is the sum of the weighted values over the number of samples, as in Keras;
  /// metrics count all samples alike.
  Tensors sample_weight = {};
  /// How much the samples of a class count, besides: {{0, 1.0}, {1, 3.0}}. For one label.
  ClassWeights class_weight = {};
  bool shuffle = true;
  std::vector<Callback*> callbacks = {};
  Verbose verbose = Verbose::automatic;  // not used where a ProgressBar is among the callbacks
  bool resume = false;  // continue Model::training_state bit for bit; from the start if it is empty
  const std::atomic<bool>* stop = nullptr;  // when set, fit finishes the current execution and returns
};

/// What callbacks see of a fit in progress, and may ask of it.
class FitProgress {
 public:
  virtual ~FitProgress() = default;

  Model& model;
  int64_t epoch = 0;    // the current one, from 0
  int64_t epochs = 0;   // in all
  int64_t step = 0;     // done in this epoch
  int64_t steps = 0;    // of an epoch
  int64_t samples = 0;  // done in this epoch
  History history;      // of the epochs that are done

  /// Loss and metrics of the epoch so far. Waits for the device and copies from it: ask once per progress
  /// line, never once per step.
  virtual Logs running_logs() = 0;
  /// Ends the fit after this step, or this epoch if that is what has just ended.
  virtual void stop(StopReason reason) = 0;
  bool is_stopped() const { return stopped_; }
  /// In on_train_begin: the fit goes on from the model's training state, as with FitOptions::resume.
  void go_on_from_training_state() { goes_on_ = true; }
  /// Writes the model with all that resuming needs to `path`, once every callback has seen this event.
  virtual void save_checkpoint(const std::string& path) = 0;

 protected:
  explicit FitProgress(Model& model) : model(model) {}
  bool stopped_ = false, goes_on_ = false;
};

/// Is notified as a fit proceeds. Its own state survives a resume if save_state puts it into the training
/// state and load_state (called after on_train_begin) takes it out again.
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_train_begin(FitProgress& /*fit*/) {}
  virtual void on_epoch_begin(FitProgress& /*fit*/) {}
  /// After every execution (FitOptions::steps_per_execution), on a GPU while it may still be running.
  virtual void on_step_end(FitProgress& /*fit*/) {}
  /// `logs`: the epoch's loss and metrics, those of the validation included.
  virtual void on_epoch_end(FitProgress& /*fit*/, const Logs& /*logs*/) {}
  /// Also when the fit was stopped (not after an exception).
  virtual void on_train_end(FitProgress& /*fit*/) {}
  virtual void save_state(TrainingState& /*state*/) const {}
  virtual void load_state(const TrainingState& /*state*/) {}
};

}  // namespace manul
