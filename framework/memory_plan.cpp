#include "manul/framework/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace manul {
namespace {

struct Placed {
  size_t begin, end;
  int64_t from, until;  // events
};

/// The lowest place that is free from the first to the last event of `life`. `placed` is sorted by place.
size_t lowest_place(const std::vector<Placed>& placed, const BlockLife& life, size_t bytes) {
  size_t place = 0;
  for (const Placed& other : placed) {
    if (other.until <= life.begin || other.from >= life.end) continue;
    if (other.begin >= place + bytes) break;
    place = std::max(place, other.end);
  }
  return place;
}

struct Places {
  std::vector<size_t> of_life;
  size_t bytes = 0;
};

Places places_in(const std::vector<size_t>& order, const std::vector<BlockLife>& lives, size_t alignment) {
  Places places{std::vector<size_t>(lives.size())};
  std::vector<Placed> placed;
  for (size_t i : order) {
    const BlockLife& life = lives[i];
    size_t bytes = (life.bytes + alignment - 1) / alignment * alignment;
    Placed one{lowest_place(placed, life, bytes), 0, life.begin, life.end};
    one.end = one.begin + bytes;
    places.of_life[i] = one.begin;
    places.bytes = std::max(places.bytes, one.end);
    placed.insert(std::ranges::upper_bound(placed, one.begin, {}, &Placed::begin), one);
  }
  return places;
}

}  // namespace

MemoryPlan::MemoryPlan(const std::vector<BlockLife>& lives, size_t alignment) {
  if (lives.size() > most_lives) return;
  std::vector<size_t> order(lives.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return lives[i].begin; });
  std::vector<size_t> by_time = order;
  Places best = places_in(by_time, lives, alignment);
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t i) { return lives[i].bytes; });
  if (Places other = places_in(order, lives, alignment); other.bytes < best.bytes) best = std::move(other);
  for (size_t i : by_time) places_[lives[i].bytes].places.push_back(best.of_life[i]);
  bytes_ = best.bytes;
}

std::optional<size_t> MemoryPlan::next(size_t bytes) {
  auto found = places_.find(bytes);
  if (found == places_.end() || found->second.used == found->second.places.size()) return std::nullopt;
  return found->second.places[found->second.used++];
}

}  // namespace manul
