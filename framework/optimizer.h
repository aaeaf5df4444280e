#pragma once

#include <string>
#include <vector>

#include "manul/framework/parameter.h"
#include "manul/framework/step.h"
#include "manul/framework/tape.h"

namespace manul {

/// Updates all trainable parameters from their gradients, in one pass. Its slots (moments and the like) are
/// flat tensors laid out as ParameterSet::values(). Step count and learning rate are read from the step state
/// on the device.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Makes the slots, zeroed, for `parameters`. An optimizer that is used when they are gone, or when another
  /// model has moved them, throws.
  void attach(ParameterSet& parameters);
  /// Applies the gradients to what is trainable now and counts the step: iteration + 1, position + `samples`.
  void update(const DeviceStepState& state, int64_t samples = 0);
  /// tape.backward(loss, parameters) and update() in one: the same values to the bit. On the CPU an element
  /// is updated as soon as its gradient is there, while both are in the cache; so the gradients are not kept.
  void minimize(Tape& tape, const Tensor& loss, const DeviceStepState& state, int64_t samples = 0);

  struct Slot {
    std::string name;  // as Keras calls it: "m", "v", "momentum"
    Tensor values;     // flat, as ParameterSet::values()
  };
  std::vector<Slot>& slots() { return slots_; }
  const std::vector<Slot>& slots() const { return slots_; }
  ParameterSet& parameters() const;

  /// Keras' class name: "Adam", "SGD".
  virtual std::string class_name() const = 0;
  virtual double initial_learning_rate() const = 0;

 protected:
  virtual std::vector<std::string> slot_names() const = 0;
  /// One pass over elements [begin, end) of parameters().values(), gradients() and the slots, reading
  /// `state`; must also count the step, as advance_step of framework/step.h does with `samples`, unless that
  /// is `not_counted`: another stretch follows.
  virtual void apply(const Tensor& state, int64_t samples, ParameterSet::Segment segment) = 0;
  static constexpr int64_t not_counted = -1;
  /// CPU: what one step does to a range of parameters().values(), given its gradients; does not count the
  /// step.
  virtual GradientTaker range_update(const Tensor& state) const = 0;

 private:
  void update_the_rest(const GradientTaker& update);

  ParameterSet* parameters_ = nullptr;
  std::weak_ptr<const ParameterSet*> lifetime_;
  Tensor attached_values_;
  std::vector<Slot> slots_;
};

}  // namespace manul
