#include "manul/data/datasets/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "manul/framework/cpu/parallel.h"

namespace manul {
namespace {

TEST(ReadAhead, DoesEveryJobOnceAndNeverLeavesTheWindow) {
  for (int threads : {1, 2, 7}) {
    constexpr int64_t jobs = 500, window = 10;
    std::vector<std::atomic<int>> done(jobs);
    std::atomic<int64_t> released = 0;
    std::atomic<bool> outside = false;
    ReadAhead ahead(threads);
    ahead.start(0, jobs, window, [&](int64_t k) {
      if (k >= released + window) outside = true;
      ++done[k];
    });
    for (int64_t k = 0; k < jobs; k += 5) {
      ahead.wait_for(k + 5);
      for (int64_t i = 0; i < k + 5; ++i) ASSERT_EQ(done[i], 1) << i;
      released = k + 5;
      ahead.release(k + 5);
    }
    EXPECT_FALSE(outside);
  }
}

TEST(ReadAhead, GoesOnWhileNobodyWaits) {
  std::atomic<int> done = 0;
  ReadAhead ahead(2);
  ahead.start(0, 100, 100, [&](int64_t) { ++done; });
  for (int i = 0; i < 5000 && done < 100; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(done, 100);
}

TEST(ReadAhead, SharesWhatIsAwaitedWithAllThreads) {
  std::atomic<int> by_waiting = 0;
  ReadAhead ahead(7);
  auto waiting = std::this_thread::get_id();
  cpu::set_threads(1);
  ahead.start(0, 64, 64, [&](int64_t) {
    if (std::this_thread::get_id() == waiting) ++by_waiting;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  });
  ahead.wait_for(64);
  cpu::set_threads(0);
  EXPECT_LT(by_waiting, 32);  // an eighth if all are equally fast
}

TEST(ReadAhead, ThrowsWhatTheLowestJobThrewWhenItIsDue) {
  ReadAhead ahead(4);
  ahead.start(0, 40, 40, [](int64_t k) {
    if (k % 10 == 7) throw std::runtime_error(std::to_string(k));
  });
  ahead.wait_for(7);
  for (int64_t end : {8, 40}) {
    try {
      ahead.wait_for(end);
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "7");
    }
  }
}

TEST(ReadAhead, StartsAnewAnywhereAndStopsInTheMiddle) {
  ReadAhead ahead(3);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int64_t> sum = 0;
    ahead.start(90, 100, 5, [&](int64_t k) { sum += k; });
    ahead.wait_for(95);
    if (round % 2) ahead.release(95);
    ahead.stop();
    EXPECT_GE(sum, 90 + 91 + 92 + 93 + 94);
  }
  ahead.start(90, 100, 5, [](int64_t) {});
  EXPECT_THROW(ahead.wait_for(96), std::exception) << "would wait for ever: beyond the window";
}

}  // namespace
}  // namespace manul
