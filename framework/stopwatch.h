#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "manul/framework/memory.h"

namespace manul {

/// Seconds since it was constructed.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// Median seconds of `repeats` runs of `work` on `device`, each waited for; a run before them is not counted.
template <class Work>
double median_seconds(Device device, int repeats, Work&& work) {
  std::vector<double> seconds;
  for (int i = 0; i <= repeats; ++i) {
    synchronize(device);
    Stopwatch watch;
    work();
    synchronize(device);
    if (i > 0) seconds.push_back(watch.seconds());
  }
  std::nth_element(seconds.begin(), seconds.begin() + repeats / 2, seconds.end());
  return seconds[repeats / 2];
}

}  // namespace manul
