#pragma once

#include <algorithm>

#include "manul/data/datasets/dataset.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/distributed/parts.h"
#include "manul/framework/error.h"

namespace manul {

struct EpochOptions {
  int64_t batch_size = 32;
  int64_t epoch = 0;  // from 0: each has an order and an augmentation of its own
  uint64_t seed = 0;
  bool shuffle = true;
};

/// The batches of one epoch, for a training loop that is written out; the numbers are those of Model::fit
/// with the same seed.
///
///     for (int64_t epoch = 0; epoch < 5; ++epoch)
///       for (const Batch& batch : Epoch(data, state, {.epoch = epoch, .seed = 4})) {
///         Tape tape;
///         ...
///         adam.minimize(tape, loss, state);
///       }
///
/// Every sample comes once, also if something else walks through the data in between (evaluate, another
/// Epoch); the last batch may be short. The state's epoch, position and seed are set here, whatever has
/// become of them. A batch lies in the same memory as the one before. Of several processes (join_processes)
/// each has its part of every batch, the loss is the mean over that, and Optimizer::minimize() makes of both
/// what one process has of the whole batch; where there are fewer samples than processes, some have one that
/// does not count (`state.part().counts`).
class Epoch {
 public:
  Epoch(Dataset& data, const DeviceStepState& state, const EpochOptions& options)
      : data_(data), state_(state), options_(options), size_(data.size()) {
    require_joined("epoch");
    check(options.batch_size > 0, "epoch: a batch has at least one sample, not {}", options.batch_size);
  }

  struct End {};
  class Iterator {
   public:
    explicit Iterator(Epoch& epoch) : epoch_(epoch) {}
    const Batch& operator*() const { return epoch_.batch_; }
    Iterator& operator++() {
      epoch_.position_ += epoch_.length();
      epoch_.make_batch();
      return *this;
    }
    bool operator==(End) const { return epoch_.position_ >= epoch_.size_; }

   private:
    Epoch& epoch_;
  };

  /// Begins the epoch, from its first sample.
  Iterator begin() {
    begin_in_data();
    position_ = 0;
    make_batch();
    return Iterator(*this);
  }
  End end() const { return {}; }

 private:
  int64_t length() const { return std::min(options_.batch_size, size_ - position_); }

  void begin_in_data() {
    const auto& [batch_size, epoch, seed, shuffle] = options_;
    if (processes().is_alone())
      data_.begin_epoch(epoch, seed, shuffle);
    else
      data_.begin_epoch(own_samples(order_of_epoch(size_, epoch, seed, shuffle), 0, batch_size));
    begun_ = data_.epochs_begun();
  }

  void make_batch() {
    state_.set_part({});
    if (position_ >= size_) return;
    if (data_.epochs_begun() != begun_) begin_in_data();
    StepState state = state_.read();
    state.epoch = options_.epoch;
    BatchPart part = part_of_batch(length());
    int64_t place = part.is_whole()
                        ? position_
                        : position_ / options_.batch_size * part_of_batch(options_.batch_size).length;
    state.position = place;
    state.seed = options_.seed;
    state_.write(state);
    state_.set_part(part);
    if (batch_.inputs.empty() || batch_.inputs[0].shape()[0] != part.length)
      batch_ = data_.spec().empty_batch(part.length, state_.tensor().device());
    data_.prepare_batch(place, part.length);
    data_.next_batch(state_, batch_);
  }

  Dataset& data_;
  DeviceStepState state_;
  EpochOptions options_;
  int64_t size_, position_ = 0, begun_ = 0;
  Batch batch_;
};

}  // namespace manul
