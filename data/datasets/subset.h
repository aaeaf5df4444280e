#pragma once

#include <utility>

#include "manul/data/datasets/view.h"

namespace manul {

/// Some samples of a data set, in an order of their own; the data set must outlive it. A subset of a subset
/// refers to the data set itself.
///
///     auto [train, validation] = split(data, 0.8);
///     model.fit(train, {.validation = &validation});
class Subset : public DatasetView {
 public:
  /// Throws if there is no sample of one of these numbers.
  Subset(Dataset& data, std::vector<int32_t> samples);
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  /// Of the data set itself.
  const std::vector<int32_t>& samples() const { return samples_; }

 protected:
  void set_order(const std::vector<int32_t>& order) override;

 private:
  std::vector<int32_t> samples_;
};

/// Samples [first, end).
Subset slice(Dataset& data, int64_t first, int64_t end);
/// The first `count` samples, or all if there are fewer, and the rest, as tf.data calls them.
Subset take(Dataset& data, int64_t count);
Subset skip(Dataset& data, int64_t count);
/// All samples in one random order, the same at each use (fit shuffles anew for each epoch anyway).
Subset shuffle(Dataset& data, uint64_t seed);
/// The first int(size * fraction) samples and the rest. To be mixed first where the data is sorted:
/// `auto mixed = shuffle(data, 1); auto [a, b] = split(mixed, 0.8);`
std::pair<Subset, Subset> split(Dataset& data, double fraction);

}  // namespace manul
