#include "manul/framework/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace manul {
namespace {

constexpr size_t alignment = 512;

/// What lives at most at a time.
size_t peak_of(const std::vector<BlockLife>& lives) {
  size_t peak = 0;
  for (const BlockLife& at : lives) {
    size_t bytes = 0;
    for (const BlockLife& life : lives)
      if (life.begin <= at.begin && at.begin < life.end)
        bytes += (life.bytes + alignment - 1) / alignment * alignment;
    peak = std::max(peak, bytes);
  }
  return peak;
}

/// Asks for all places, in the order of time, and checks that what lives at a time lies apart.
MemoryPlan checked_plan(std::vector<BlockLife> lives) {
  MemoryPlan plan(lives, alignment), asked = plan;
  std::ranges::sort(lives, {}, &BlockLife::begin);
  std::vector<size_t> places;
  for (const BlockLife& life : lives) {
    std::optional<size_t> place = asked.next(life.bytes);
    EXPECT_TRUE(place);
    if (!place) return plan;
    EXPECT_EQ(*place % alignment, 0u);
    EXPECT_LE(*place + life.bytes, plan.bytes());
    places.push_back(*place);
  }
  for (size_t i = 0; i < lives.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      bool together = lives[j].end > lives[i].begin && lives[i].end > lives[j].begin;
      bool apart = places[i] + lives[i].bytes <= places[j] || places[j] + lives[j].bytes <= places[i];
      EXPECT_TRUE(!together || apart) << i << " and " << j;
    }
  EXPECT_GE(plan.bytes(), peak_of(lives));
  return plan;
}

/// Blocks of a residual network whose shortcut is widened: taken as they come, the last one finds no room in
/// what the first one has left, because a narrow one lies within it.
TEST(MemoryPlan, NeedsNoMoreThanLivesAtATime) {
  std::vector<BlockLife> lives{{8 << 10, 0, 2},  {2 << 10, 1, 8},  {2 << 10, 3, 5},
                               {2 << 10, 4, 10}, {8 << 10, 6, 11}, {8 << 10, 9, 12}};
  EXPECT_EQ(checked_plan(lives).bytes(), peak_of(lives));
  EXPECT_EQ(peak_of(lives), size_t{18} << 10);
}

TEST(MemoryPlan, KeepsWhatLivesAtATimeApart) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::vector<BlockLife> lives;
    for (int64_t i = 0; i < 200; ++i) {
      auto length = static_cast<int64_t>(1 + random() % (round % 2 == 0 ? 20 : 200));
      lives.push_back({1 + random() % 100000, 2 * i, random() % 10 == 0 ? BlockLife::never : 2 * i + length});
    }
    EXPECT_LE(checked_plan(lives).bytes(), peak_of(lives) * 5 / 4);
  }
}

TEST(MemoryPlan, HasNoPlaceForWhatItDoesNotKnow) {
  MemoryPlan plan({{1000, 0, 1}, {1000, 2, 3}}, alignment);
  EXPECT_EQ(plan.next(1000), 0u);
  EXPECT_EQ(plan.next(1001), std::nullopt);
  EXPECT_EQ(plan.next(1000), 0u);
  EXPECT_EQ(plan.next(1000), std::nullopt);
  EXPECT_EQ(MemoryPlan().next(1000), std::nullopt);
  EXPECT_EQ(MemoryPlan(std::vector<BlockLife>(MemoryPlan::most_lives + 1, {1, 0, 1}), 1).next(1),
            std::nullopt);
}

}  // namespace
}  // namespace manul
