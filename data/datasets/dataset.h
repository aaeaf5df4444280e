#pragma once

#include <string>
#include <vector>

#include "manul/framework/step.h"

namespace manul {

/// What training and evaluation draw batches from. One epoch is an order of the samples; batch k takes the
/// next ones of that order. The position is read from the step state, on the device where the batch is made.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual int64_t size() const = 0;
  /// Shape of one sample: [64, 64, 3].
  virtual Shape sample_shape() const = 0;
  /// Sorted; labels are indices into it. Empty if labels are not classes.
  virtual const std::vector<std::string>& class_names() const = 0;
  /// dtype and shape of a batch's labels: i32 [batch] (class indices).
  virtual Shape label_shape(int64_t batch) const { return {batch}; }
  virtual DType label_dtype() const { return DType::i32; }

  /// Lays down the order of `epoch` (shuffled by (seed, epoch) if asked for) and what else the epoch needs.
  virtual void begin_epoch(int64_t epoch, uint64_t seed, bool shuffle) = 0;

  /// True if nothing of a batch is made ready on the host, so that several steps may follow each other.
  virtual bool is_resident() const { return false; }

  /// Makes ready what next_batch needs for the `length` samples at `position` and does not keep on the
  /// device. Called on the host before every step, never within a captured one, and once for several steps of
  /// a resident data set; throws what goes wrong with the data.
  virtual void prepare_batch(int64_t /*position*/, int64_t /*length*/) {}

  /// Writes the batch that begins at the state's position, which was prepared: inputs f32 [batch, sample
  /// shape], labels. May run inside a captured step, so on a GPU it must be kernels only.
  virtual void next_batch(const DeviceStepState& state, const Tensor& inputs, const Tensor& labels) = 0;
};

/// Samples 0 to size - 1 in the order of an epoch: shuffled by (seed, epoch), or as they are.
std::vector<int32_t> order_of_epoch(int64_t size, int64_t epoch, uint64_t seed, bool shuffle);

}  // namespace manul
