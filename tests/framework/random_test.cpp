#include "manul/framework/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace manul {
namespace {

// Known answers of philox4x32-10 from the authors' library Random123 (kat_vectors).
TEST(Philox, GivesThePublishedAnswers) {
  struct Answer {
    uint64_t key, low, high;
    uint32_t words[4];
  };
  const Answer answers[] = {
      {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {~0ull, ~0ull, ~0ull, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {0x299f31d0a4093822,
       0x85a308d3243f6a88,
       0x0370734413198a2e,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Answer& answer : answers) {
    RandomBits bits = philox(answer.key, answer.low, answer.high);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(bits.words[i], answer.words[i]);
  }
}

TEST(Uniform, ReachesZeroAndNeverOne) {
  EXPECT_EQ(uniform_float(0), 0);
  EXPECT_EQ(uniform_float(~0u), 1 - 1.0f / 16777216);
  EXPECT_EQ(uniform_double(0, 0), 0);
  EXPECT_EQ(uniform_double(~0u, ~0u), 1 - 1.0 / 9007199254740992);
}

TEST(RandomStream, DependsOnEveryPartOfItsKey) {
  std::set<uint64_t> first_words;
  size_t streams = 0;
  for (uint64_t seed : {0, 1})
    for (RandomPurpose purpose : {RandomPurpose::shuffle, RandomPurpose::dropout})
      for (uint64_t stream : {0, 1, 7, 8})
        for (uint64_t index : {0, 1, 65535, 65536}) {
          RandomStream random(seed, purpose, stream, index);
          first_words.insert(uint64_t{random.word()} << 32 | random.word());
          ++streams;
        }
  EXPECT_EQ(first_words.size(), streams);
}

TEST(RandomStream, RepeatsItself) {
  RandomStream a(3, RandomPurpose::sample, 4, 5), b(3, RandomPurpose::sample, 4, 5);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.word(), b.word());
}

TEST(RandomStream, IsUniform) {
  RandomStream random(1, RandomPurpose::sample, 0, 0);
  constexpr int draws = 100000, bins = 10;
  int counts[bins] = {}, dice[6] = {};
  for (int i = 0; i < draws; ++i) {
    ++counts[static_cast<int>((random.uniform(-1, 1) + 1) * bins / 2)];
    ++dice[random.below(6)];
  }
  constexpr double a_bin = 1.0 * draws / bins, a_face = 1.0 * draws / 6;
  for (int count : counts) EXPECT_NEAR(count, a_bin, 5 * std::sqrt(a_bin));
  for (int count : dice) EXPECT_NEAR(count, a_face, 5 * std::sqrt(a_face));
}

TEST(RandomKey, IsFNV1a) {
  EXPECT_EQ(random_key(""), 0xcbf29ce484222325);
  EXPECT_EQ(random_key("a"), 0xaf63dc4c8601ec8c);
  EXPECT_NE(random_key("conv2d/kernel"), random_key("conv2d/bias"));
}

}  // namespace
}  // namespace manul
