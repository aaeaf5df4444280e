#include "manul/data/datasets/dataset.h"

#include <numeric>
#include <utility>

#include "manul/framework/error.h"
#include "manul/framework/random.h"

namespace manul {
namespace {

std::vector<Tensor> empty_tensors(const std::vector<SampleSpec>& specs, int64_t length, Device device) {
  std::vector<Tensor> tensors;
  for (const SampleSpec& spec : specs)
    tensors.push_back(Tensor::empty(spec.shape.batch_of(length), spec.dtype, device));
  return tensors;
}

void check_tensors(const char* what, const std::vector<Tensor>& tensors, const std::vector<SampleSpec>& specs,
                   int64_t length) {
  check(tensors.size() == specs.size(), "data: a batch has {} {}, not {}", specs.size(), what,
        tensors.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto& [shape, dtype] = specs[i];
    check(tensors[i].shape() == shape.batch_of(length) && tensors[i].dtype() == dtype,
          "data: the {} of a batch are {} {}, not {} {}", what, name_of(dtype), shape.batch_of(length),
          name_of(tensors[i].dtype()), tensors[i].shape());
  }
}

}  // namespace

Batch BatchSpec::empty_batch(int64_t length, Device device) const {
  return {empty_tensors(inputs, length, device), empty_tensors(labels, length, device),
          empty_tensors(weights, length, device)};
}

const std::vector<std::string>& Dataset::class_names() const {
  static const std::vector<std::string> none;
  return none;
}

Shape Dataset::sample_shape() const {
  BatchSpec all = spec();
  check(all.inputs.size() == 1, "data: there are {} inputs, each with a shape of its own", all.inputs.size());
  return all.inputs[0].shape;
}

void Dataset::begin_epoch(int64_t epoch, uint64_t seed, bool shuffle) {
  begin_epoch(order_of_epoch(size(), epoch, seed, shuffle));
}

void Dataset::begin_epoch(const std::vector<int32_t>& order) {
  check(static_cast<int64_t>(order.size()) <= size(), "data: an epoch has at most {} samples, not {}", size(),
        order.size());
  for (int32_t sample : order)
    check(sample >= 0 && sample < size(), "data: there is no sample {}, only {} of them", sample, size());
  ++epochs_begun_;
  epoch_size_ = static_cast<int64_t>(order.size());
  set_order(order);
}

void Dataset::check_range(int64_t position, int64_t length) const {
  check(position >= 0 && length > 0 && position + length <= epoch_size_,
        "data: there is no batch of {} samples at {}, the epoch that was begun has {}", length, position,
        epoch_size_);
}

void Dataset::prepare_batch(int64_t position, int64_t length) {
  check_range(position, length);
  prepare(position, length);
}

void Dataset::next_batch(const DeviceStepState& state, const Batch& batch) {
  check(!batch.inputs.empty(), "data: a batch has inputs");
  int64_t length = batch.inputs[0].shape().rank() > 0 ? batch.inputs[0].shape()[0] : 0;
  BatchSpec all = spec();
  check_tensors("inputs", batch.inputs, all.inputs, length);
  check_tensors("labels", batch.labels, all.labels, length);
  check_tensors("weights", batch.weights, all.weights, length);
  // On a GPU the step may be being captured, when its position cannot be read.
  if (state.tensor().device().is_cpu()) check_range(state.read().position, length);
  fill(state, batch);
}

std::vector<int32_t> order_of_epoch(int64_t size, int64_t epoch, uint64_t seed, bool shuffle) {
  std::vector<int32_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  if (!shuffle) return order;
  RandomStream stream(seed, RandomPurpose::shuffle, static_cast<uint64_t>(epoch), 0);
  for (auto left = static_cast<uint32_t>(size); left > 1; --left)
    std::swap(order[left - 1], order[stream.below(left)]);
  return order;
}

}  // namespace manul
