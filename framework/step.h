#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "manul/framework/kernel.h"

namespace manul {

/// Everything that changes from one training step to the next. It lies on the device, so that a captured step
/// reads the values of the moment: kernels take the tensor that holds it and read it themselves.
struct StepState {
  int64_t iteration = 0;       // optimizer steps done so far
  int64_t epoch = 0;           // of the data, from 0
  int64_t position = 0;        // of the next batch's first sample in the epoch's order
  uint64_t seed = 0;           // of dropout and augmentation
  double learning_rate = NAN;  // of the next update; NaN: the optimizer's own
  uint32_t blocks_done = 0;    // of a GPU's update while it runs
};

/// What one process has of a batch that several process together (framework/distributed/communicator.h).
struct BatchPart {
  int64_t first = 0;   // the place of its first sample in the whole batch
  int64_t length = 0;  // samples at hand
  int64_t total = 0;   // samples of the whole batch; 0: all are at hand
  bool counts = true;  // false: there are more processes than samples; the sample at hand is another's, too

  bool is_whole() const { return total == 0; }
  /// Of the whole batch: what the mean over the samples at hand counts in the mean over all.
  double share() const {
    return is_whole() ? 1 : counts ? static_cast<double>(length) / static_cast<double>(total) : 0;
  }
  /// Where the elements of a tensor that has `elements` for the samples at hand begin in that of the whole
  /// batch; 0 for one that has nothing to do with samples.
  int64_t first_element(int64_t elements) const {
    return is_whole() || elements % length != 0 ? 0 : elements / length * first;
  }
};

/// A StepState in device memory; a shared handle.
class DeviceStepState {
 public:
  explicit DeviceStepState(Device device = {});

  /// Which samples of the batch the step has. Fixed in a captured step.
  const BatchPart& part() const { return *part_; }
  void set_part(const BatchPart& part) const { *part_ = part; }
  /// The same state for random numbers that all samples share: of a batch that is whole.
  DeviceStepState of_whole_batch() const;

  /// u8 [sizeof(StepState)]: what kernels take; see state_in().
  const Tensor& tensor() const { return tensor_; }
  StepState read() const;
  void write(const StepState& state) const;
  /// Changes one member: `state.set(&StepState::learning_rate, 0.01)`.
  template <class Member>
  void set(Member StepState::*member, Member value) const {
    StepState state = read();
    state.*member = value;
    write(state);
  }

 private:
  Tensor tensor_;
  std::shared_ptr<BatchPart> part_ = std::make_shared<BatchPart>();
};

/// The state in the memory of DeviceStepState::tensor(), for kernels.
inline const StepState* state_in(const Tensor& tensor) {
  return reinterpret_cast<const StepState*>(tensor.data<uint8_t>());
}
inline StepState* mutable_state_in(const Tensor& tensor) {
  return reinterpret_cast<StepState*>(tensor.mutable_data<uint8_t>());
}

/// Adds 1 to iteration and `samples` to position; the last act of a training step.
MANUL_KERNEL(advance_step, void(const Tensor& state, int64_t samples));

/// Runs a function of no arguments that works on tensors of fixed addresses. On the CPU a run is a plain
/// call, or several. On a GPU the first run of a key is eager (parameters built, plans chosen, memory pools
/// warmed), the second is captured into a graph with memory of its own, later ones replay it. Whatever
/// differs between calls must lie in device memory.
class TrainStep {
 public:
  TrainStep(std::function<void()> function, Device device);
  ~TrainStep();
  TrainStep(const TrainStep&) = delete;
  TrainStep& operator=(const TrainStep&) = delete;

  /// Calls the function `calls` times; a GPU does not stop between them. `key` tells different work apart
  /// (another batch length, say): each key and number of calls has its own graph.
  void run(int64_t key = 0, int64_t calls = 1);
  /// Every step that was captured so far will be captured anew: something that a graph has fixed is different
  /// from now on (a weight was frozen, say).
  static void forget_captured();
  /// Runs eagerly from now on, on every device.
  void set_eager(bool eager) { eager_ = eager; }
  /// Says that the function writes to no parameter: its replays do not count as writes().
  void set_reads_only() { reads_only_ = true; }
  /// How many replays there were, of all steps, that may have written to parameters.
  static uint64_t writes();

 private:
  struct Captured;
  std::function<void()> function_;
  Device device_;
  bool eager_ = false, reads_only_ = false;
  uint64_t captured_at_ = 0;  // the count of forget_captured() calls that the graphs know
  std::map<std::pair<int64_t, int64_t>, std::unique_ptr<Captured>> captured_;  // by key and calls
};

}  // namespace manul
