#include "manul/data/datasets/dataset.h"

#include <numeric>
#include <utility>

#include "manul/framework/random.h"

namespace manul {

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
