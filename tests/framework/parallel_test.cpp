#include "manul/framework/cpu/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "manul/framework/error.h"

namespace manul::cpu {
namespace {

class ParallelFor : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_threads(GetParam()); }
  void TearDown() override { set_threads(0); }
};

TEST_P(ParallelFor, CallsEachRangeOnceWhateverTheThreads) {
  std::mutex mutex;
  std::multiset<std::pair<int64_t, int64_t>> seen;
  parallel_for(10, 4, [&](int64_t begin, int64_t end) {
    std::lock_guard lock(mutex);
    seen.insert({begin, end});
  });
  EXPECT_EQ(seen, (std::multiset<std::pair<int64_t, int64_t>>{{0, 4}, {4, 8}, {8, 10}}));
}

TEST_P(ParallelFor, RunsManyShortJobs) {
  std::vector<int> counts(64);
  for (int job = 0; job < 20000; ++job) parallel_for(64, 1, [&](int64_t begin, int64_t) { ++counts[begin]; });
  EXPECT_EQ(counts, std::vector<int>(64, 20000));
}

TEST_P(ParallelFor, WakesAfterAPause) {
  for (int job = 0; job < 5; ++job) {
    std::atomic<int64_t> sum = 0;
    parallel_for(100, 1, [&](int64_t begin, int64_t) { sum += begin; });
    EXPECT_EQ(sum, 4950);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST_P(ParallelFor, HandsExceptionsToTheCaller) {
  auto throws = [] {
    parallel_for(100, 1, [](int64_t begin, int64_t) {
      if (begin == 57) throw std::runtime_error("57");
    });
  };
  for (int i = 0; i < 3; ++i) EXPECT_THROW(throws(), std::runtime_error);
  std::atomic<int> count = 0;
  parallel_for(8, 1, [&](int64_t, int64_t) { ++count; });
  EXPECT_EQ(count, 8);
}

TEST_P(ParallelFor, RunsInsideItself) {
  std::atomic<int> count = 0;
  parallel_for(6, 1, [&](int64_t, int64_t) {
    parallel_for(7, 2, [&](int64_t begin, int64_t end) { count += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(count, 42);
}

TEST_P(ParallelFor, ServesSeveralCallersAtOnce) {
  std::atomic<int64_t> sum = 0;
  auto call = [&] {
    for (int job = 0; job < 500; ++job) parallel_for(10, 1, [&](int64_t begin, int64_t) { sum += begin; });
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(sum, 2 * 500 * 45);
}

TEST_P(ParallelFor, DoesNothingForNothing) {
  parallel_for(0, 1, [](int64_t, int64_t) { FAIL(); });
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor, testing::Values(1, 2, 7));

TEST(SetThreads, RefusesANegativeNumber) {
  EXPECT_THROW(set_threads(-1), Error);
}

#if defined(__x86_64__)
TEST(ParallelFor, FlushesDenormalsWithAnyNumberOfThreadsAndOnlyInside) {
  volatile float tiny = 1e-38f;
  for (int count : {1, 2}) {
    set_threads(count);
    std::vector<float> halves(64, -1);
    parallel_for(64, 1, [&](int64_t begin, int64_t) { halves[begin] = tiny * 0.5f; });
    EXPECT_EQ(halves, std::vector<float>(64, 0));
    EXPECT_GT(tiny * 0.5f, 0);
  }
  set_threads(0);
}
#endif

}  // namespace
}  // namespace manul::cpu
