#include "manul/framework/cpu/ahead.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace manul::cpu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t line = Ahead::line;
alignas(Ahead::line) const char memory[64 * line] = {};

/// The offsets that `steps` steps ask for, in lines. Inlined, gcc 13 warns of the empty list below.
[[gnu::noinline]] std::vector<int64_t> asked(Ahead& ahead, int64_t steps, int64_t wanted = 100) {
  std::vector<int64_t> offsets;
  for (int64_t step = 0; step < steps; ++step) {
    Ahead::Lines lines = ahead.take(wanted);
    if (lines.step == 0) continue;
    for (; lines.next != lines.last; lines.ask()) offsets.push_back((lines.next - memory) / line);
    offsets.push_back((lines.last - memory) / line);
  }
  return offsets;
}

TEST(Ahead, AsksForNothingIfNothingWasAdded) {
  Ahead ahead;
  ahead.ask();
  EXPECT_THAT(asked(ahead, 2), IsEmpty());
}

TEST(Ahead, SpreadsOneStretchOverTheSteps) {
  Ahead ahead;
  ahead.add(memory, 1, 5 * line, 0);
  ahead.spread(3);
  EXPECT_THAT(asked(ahead, 1), ElementsAre(0, 1));
  EXPECT_THAT(asked(ahead, 1, 1), ElementsAre(2));
  EXPECT_THAT(asked(ahead, 9), ElementsAre(3, 4));
}

TEST(Ahead, TakesRowsColumnByColumn) {
  Ahead ahead;
  ahead.add(memory, 3, line + 1, 4 * line);
  ahead.add(memory + 20 * line, 2, 2 * line, 2 * line);  // rows one after the other
  ahead.spread(1);
  EXPECT_THAT(asked(ahead, 9), ElementsAre(0, 4, 8, 1, 5, 9, 20, 21, 22, 23));
}

TEST(Ahead, LeavesOutWhatDoesNotFit) {
  Ahead ahead;
  for (int i = 0; i < 30; ++i) ahead.add(memory + i * line, 1, 1, 0);
  EXPECT_EQ(asked(ahead, 50).size(), 16u);
  ahead.add(memory, 1, 1, 0);
  EXPECT_THAT(asked(ahead, 50), ElementsAre(0));
}

}  // namespace
}  // namespace manul::cpu
