#include <algorithm>
#include <cstring>
#include <utility>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/elementary.h"
#include "manul/framework/error.h"
#include "manul/models/training/trainer.h"
#include "manul/ops/pointwise/pointwise.h"

// What several processes that train one model tell each other, besides gradients.
namespace manul {
namespace {

/// FNV-1a over words of eight bytes: equal for equal bits.
uint64_t hash_of(const Tensor& values) {
  constexpr uint64_t prime = 0x100000001b3;
  Tensor here = values.to(Device::cpu());
  const auto* bytes = static_cast<const char*>(here.raw());
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < here.bytes(); i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min(sizeof word, here.bytes() - i));
    hash = (hash ^ word) * prime;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

void Trainer::check_same_start() const {
  const Communicator& all = processes();
  if (all.is_alone()) return;
  const std::pair<const char*, uint64_t> numbers[] = {
      {"samples to train on", static_cast<uint64_t>(source_.size())},
      {"samples for validation",
       options_.validation ? static_cast<uint64_t>(options_.validation->size()) : 0},
      {"a batch size", static_cast<uint64_t>(options_.batch_size)},
      {"epochs", static_cast<uint64_t>(options_.epochs)},
      {"steps_per_execution", static_cast<uint64_t>(options_.steps_per_execution)},
      {"gradients summed in bf16", model.optimizer().sums_in_bf16() ? 1U : 0U},
      {"GPUs", model.device().is_cuda() ? 1U : 0U},
      {"shuffling", options_.shuffle ? 1U : 0U},
      {"a seed", seed_},
      {"weights to train", static_cast<uint64_t>(model.parameters().trainable_count())},
      {"epochs done", static_cast<uint64_t>(epoch)},
      {"samples of the epoch done", static_cast<uint64_t>(samples)}};
  for (const auto& [what, number] : numbers)
    if (!all.agree(number))
      fail(
          ErrorKind::failed,
          "fit: the {} processes do not have the same number of {} (process {}: {}); all are to be given the "
          "same data and options",
          all.size(), what, all.rank(), number);
  check_same_weights("at the start: a seed of each process's own, or another file?");
}

void Trainer::check_same_weights(const std::string& when) const {
  const Communicator& all = processes();
  if (all.is_alone() || all.agree(hash_of(model.parameters().values()))) return;
  fail(ErrorKind::failed, "fit: the {} processes do not have the same weights {}", all.size(), when);
}

void Trainer::share_decisions() {
  int64_t wishes[] = {stopped_ ? 1 + static_cast<int64_t>(history.stop_reason) : 0,
                      pending_checkpoints_.empty() ? 0 : 1};
  processes().max(wishes);
  if (wishes[0] > 0) stop(static_cast<StopReason>(wishes[0] - 1));
  another_saves_ = wishes[1] > 0;
}

void Trainer::share_totals() {
  if (processes().is_alone()) return;
  processes().sum(part_totals_);
  accumulate_kernel(part_totals_, totals_);
  part_totals_.fill_zero();
}

/// Exact where they are the same everywhere.
void Trainer::share_statistics() {
  const Tensor& own = model.parameters().statistics();
  if (processes().is_alone() || own.elements() == 0) return;
  Tensor first = own.clone();
  processes().broadcast(first);
  Tensor more = subtract(own, first);
  processes().sum(more);
  own.copy_from(add(first, scale(more, 1.0 / processes().size())));
}

}  // namespace manul
