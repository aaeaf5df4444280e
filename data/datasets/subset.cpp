#include "manul/data/datasets/subset.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "manul/framework/error.h"

namespace manul {
namespace {

Dataset& root_of(Dataset& data) {
  const auto* subset = dynamic_cast<const Subset*>(&data);
  return subset ? subset->base() : data;
}

}  // namespace

Subset::Subset(Dataset& data, std::vector<int32_t> samples)
    : DatasetView(root_of(data)), samples_(std::move(samples)) {
  const auto* other = dynamic_cast<const Subset*>(&data);
  for (int32_t& sample : samples_) {
    check(sample >= 0 && sample < data.size(), "subset: there is no sample {}, only {} of them", sample,
          data.size());
    if (other) sample = other->samples()[static_cast<size_t>(sample)];
  }
}

void Subset::set_order(const std::vector<int32_t>& order) {
  std::vector<int32_t> places;
  places.reserve(order.size());
  for (int32_t sample : order) places.push_back(samples_[static_cast<size_t>(sample)]);
  base().begin_epoch(places);
}

Subset slice(Dataset& data, int64_t first, int64_t end) {
  check(first >= 0 && first <= end && end <= data.size(), "subset: there are no samples {} to {} of {}",
        first, end, data.size());
  std::vector<int32_t> samples(static_cast<size_t>(end - first));
  std::iota(samples.begin(), samples.end(), static_cast<int32_t>(first));
  return {data, std::move(samples)};
}

Subset take(Dataset& data, int64_t count) {
  check(count >= 0, "take: there are no {} samples", count);
  return slice(data, 0, std::min(count, data.size()));
}

Subset skip(Dataset& data, int64_t count) {
  check(count >= 0, "skip: there are no {} samples", count);
  return slice(data, std::min(count, data.size()), data.size());
}

Subset shuffle(Dataset& data, uint64_t seed) {
  return {data, order_of_epoch(data.size(), 0, seed, true)};
}

std::pair<Subset, Subset> split(Dataset& data, double fraction) {
  check(fraction >= 0 && fraction <= 1, "split: the fraction is between 0 and 1, not {}", fraction);
  auto count = static_cast<int64_t>(std::floor(static_cast<double>(data.size()) * fraction));
  return {take(data, count), skip(data, count)};
}

}  // namespace manul
