#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manul/framework/learning_rate.h"
#include "manul/framework/parameter.h"
#include "manul/framework/step.h"
#include "manul/framework/tape.h"
#include "manul/framework/update.h"

namespace manul {

/// What any optimizer may do besides its own update, by Keras' names. In the order of a step: gradients of
/// several batches become one, are clipped (the first of clipnorm, global_clipnorm, clipvalue that is set),
/// weights decay, the optimizer updates, averages follow.
struct OptimizerOptions {
  std::optional<double> weight_decay = {};  // p -= p * weight_decay * learning_rate; AdamW: 0.004 if not set
  /// Parameters whose path ("dense/bias") has a match of one of these regular expressions do not decay.
  std::vector<std::string> exclude_from_weight_decay = {};
  std::optional<double> clipnorm = {};         // the most that the norm of each gradient may be
  std::optional<double> global_clipnorm = {};  // the same of all gradients together
  std::optional<double> clipvalue = {};        // the most that the size of each element may be
  /// Running averages of the weights, which start with those after the first step:
  /// average = ema_momentum * average + (1 - ema_momentum) * p. They take the weights' place after every
  /// `ema_overwrite_frequency` steps, and when finalize() is called (a fit does that at its end).
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<int64_t> ema_overwrite_frequency = {};
  /// The mean gradient of so many batches makes one update.
  std::optional<int64_t> gradient_accumulation_steps = {};
};

/// A tensor that an optimizer keeps for each parameter.
struct OptimizerSlot {
  std::string name;         // as Keras 2 calls it: "m", "velocity"
  std::string keras3_name;  // "momentum"
  /// In the order of Keras' files slots of one group alternate, parameter by parameter; those of the next
  /// group follow.
  int group = 0;
  double initial_value = 0;
};

/// Updates all trainable parameters from their gradients, in one pass. Its slots (moments and the like) are
/// flat tensors laid out as ParameterSet::values(). Step count and learning rate are read from the step state
/// on the device. Most optimizers are an OptimizerOf (ops/optimizers/optimizer_of.h); one that does more than
/// a function of each element derives from this class and overrides apply(), which is what runs then,
/// everywhere; files have it like the others if it is registered (ops/optimizers/own_optimizer.h).
class Optimizer {
 public:
  /// Throws where an option is out of its range.
  explicit Optimizer(OptimizerOptions common = {});
  virtual ~Optimizer() = default;

  /// Makes the slots for `parameters`. An optimizer that is used when they are gone, or when another model
  /// has moved them, throws.
  void attach(ParameterSet& parameters);
  /// Applies the gradients to what is trainable now and counts the step: iteration + 1, position + `samples`.
  void update(const DeviceStepState& state, int64_t samples = 0);
  /// tape.backward(loss, parameters) and update() in one: the same values to the bit. On the CPU an element
  /// is updated as soon as its gradient is there, while both are in the cache, where that is possible; then
  /// the gradients are not kept.
  /// Of a step that has a part of a batch (DeviceStepState::part) the loss is the mean over that part: the
  /// gradients become those of the mean over the whole batch, summed over all processes, which all call this.
  void minimize(Tape& tape, const Tensor& loss, const DeviceStepState& state, int64_t samples = 0);
  /// minimize() of a part of a batch adds the gradients of all processes in bf16: half of what goes between
  /// them, and each process's share of a gradient is rounded to 8 bits. Weights and moments stay as they are.
  void sum_in_bf16(bool in_bf16) { sums_in_bf16_ = in_bf16; }
  bool sums_in_bf16() const { return sums_in_bf16_; }
  /// With use_ema: the averages take the place of the weights.
  void finalize() const;

  struct Slot : OptimizerSlot {
    Tensor values;  // flat, as ParameterSet::values()
  };
  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }
  /// The averages of use_ema ("average") and the sums of gradient_accumulation_steps
  /// ("gradient_accumulator"), where there are any; in Keras' files they come before the slots.
  const std::vector<Slot>& common_slots() const { return common_slots_; }
  ParameterSet& parameters() const;
  const OptimizerOptions& common() const { return common_; }

  /// Keras' class name: "Adam", "SGD".
  virtual std::string class_name() const = 0;
  /// What the step state has where nobody has written a rate; of a schedule always that.
  virtual LearningRate learning_rate() const = 0;
  double initial_learning_rate() const { return learning_rate().initial(); }
  /// Of all weights that are not excluded; 0: none.
  virtual double weight_decay() const { return common_.weight_decay.value_or(0); }

 protected:
  virtual std::vector<OptimizerSlot> slot_specs() const = 0;
  /// Updates the elements of update.values, gradients and slots. The step is counted elsewhere.
  virtual void apply(const Update& update) = 0;
  /// CPU: the same for a whole model, in ranges as they come. Null: apply() is called with all gradients.
  virtual GradientTaker range_update(const Update& /*update*/) const { return {}; }
  /// After attach(): for tensors of one's own beside the slots.
  virtual void attached() {}
  /// Of what is trainable now; the same as Treatments::parameter_of.
  const GradientChunks& trained_chunks();
  Tensor rows_of_parameters() const;
  /// Whether apply() counts the step where Update::samples says so; otherwise it never does.
  virtual bool counts_steps() const { return false; }

 private:
  Update whole(const Tensor& state) const;
  void make_treatments();
  void refresh_chunks();
  void collect(const Tensor& state);
  void clip(const Tensor& state);
  void follow(const Tensor& state);
  bool has_followers() const;
  void update_the_rest(const GradientTaker& update);
  void backward_of_part(Tape& tape, const Tensor& loss, const BatchPart& part);

  OptimizerOptions common_;
  ParameterSet* parameters_ = nullptr;
  std::weak_ptr<const ParameterSet*> lifetime_;
  Tensor attached_values_;
  std::vector<Slot> slots_, common_slots_;
  Treatments treatments_;
  GradientChunks chunks_;
  bool sums_in_bf16_ = false;
  std::vector<bool> chunked_;  // which parameters were trainable when chunks_ were made
};

}  // namespace manul
