#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "manul/framework/step.h"

namespace manul {

/// One tensor or several: what a function takes that Keras lets have `x` or `[x1, x2]`.
class Tensors : public std::vector<Tensor> {
 public:
  Tensors() = default;
  Tensors(Tensor tensor) : vector{std::move(tensor)} {}
  Tensors(std::initializer_list<Tensor> tensors) : vector(tensors) {}
  Tensors(std::vector<Tensor> tensors) : vector(std::move(tensors)) {}
};

/// What a step of training takes. Labels and weights stand in the order of the model's outputs.
struct Batch {
  std::vector<Tensor> inputs;   // [batch, sample shape] each
  std::vector<Tensor> labels;   // [batch, ..] each; empty where there is nothing to train on
  std::vector<Tensor> weights;  // f32 [batch]: none, one for all outputs, or one for each
};

/// A tensor of a batch, looked at for one sample.
struct SampleSpec {
  Shape shape;  // without the batch axis; [] is one number
  DType dtype = DType::f32;
  bool operator==(const SampleSpec&) const = default;
};

/// All tensors of a data set's batches.
struct BatchSpec {
  std::vector<SampleSpec> inputs, labels, weights;

  /// Memory for a batch of `length` samples.
  Batch empty_batch(int64_t length, Device device = {}) const;
};

/// What training and evaluation draw batches from. One epoch is an order of the samples; batch k takes the
/// next ones of that order. The position is read from the step state, on the device where the batch is made.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual int64_t size() const = 0;
  virtual BatchSpec spec() const = 0;
  /// Sorted; labels are indices into it. Empty if labels are not classes.
  virtual const std::vector<std::string>& class_names() const;

  /// Begins an epoch in order_of_epoch(size(), ..).
  void begin_epoch(int64_t epoch, uint64_t seed, bool shuffle);
  /// Begins an epoch of these samples, at most size() of them, in this order.
  void begin_epoch(const std::vector<int32_t>& order);
  /// Another number after every begin_epoch(): whoever shares a data set sees that its epoch has ended.
  virtual int64_t epochs_begun() const { return epochs_begun_; }

  /// True if nothing of a batch is made ready on the host, so that several steps may follow each other.
  virtual bool is_resident() const { return false; }

  /// Makes ready what next_batch needs for the `length` samples at `position` and does not keep on the
  /// device. Called on the host before every step, never within a captured one, and once for several steps of
  /// a resident data set. Throws what goes wrong with the data, and if the epoch has no such samples.
  void prepare_batch(int64_t position, int64_t length);

  /// Writes the batch that begins at the state's position, which was prepared, to tensors as spec() has them.
  /// May run inside a captured step. Throws if they do not fit, and on the CPU if the epoch has no such
  /// batch.
  void next_batch(const DeviceStepState& state, const Batch& batch);
  /// The same where there is one input and one label.
  void next_batch(const DeviceStepState& state, const Tensor& inputs, const Tensor& labels) {
    next_batch(state, Batch{{inputs}, {labels}, {}});
  }

  /// Of the only input: [64, 64, 3].
  Shape sample_shape() const;

 protected:
  /// Lays down the order of an epoch, at most size() samples, and what else the epoch needs.
  virtual void set_order(const std::vector<int32_t>& order) = 0;
  /// See prepare_batch().
  virtual void prepare(int64_t /*position*/, int64_t /*length*/) {}
  /// What next_batch does, with tensors that fit. On a GPU it must be kernels only.
  virtual void fill(const DeviceStepState& state, const Batch& batch) = 0;

 private:
  void check_range(int64_t position, int64_t length) const;

  int64_t epochs_begun_ = 0;
  int64_t epoch_size_ = 0;  // samples in the epoch's order
};

/// Samples 0 to size - 1 in the order of an epoch: shuffled by (seed, epoch), or as they are.
std::vector<int32_t> order_of_epoch(int64_t size, int64_t epoch, uint64_t seed, bool shuffle);

}  // namespace manul
