#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace manul {

/// Does numbered jobs in the background, the lowest numbers first, on threads of its own, and never further
/// ahead than a window of them. What a job writes must depend on its number alone: which thread does it, and
/// when, is left to chance. One thread at a time may call the functions below.
class ReadAhead {
 public:
  using Job = std::function<void(int64_t number)>;

  /// `threads` at least 1; 0 means one per core. They start with the first job; where the system gives fewer,
  /// or none, wait_for() does what they leave.
  explicit ReadAhead(int threads);
  /// Waits for the jobs that have begun.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// Begins with the jobs [first, end), of which `window` may be done and not yet released; stops what was
  /// there before.
  void start(int64_t first, int64_t end, int64_t window, Job job);
  /// No further job begins; waits for those that have begun.
  void stop();
  /// Returns when all jobs before `end` are done; helps with those that no thread has begun, as many at a time
  /// as parallel_for has threads.
  /// Throws what the lowest-numbered job that failed before `end` has thrown. `end` must lie within the
  /// window.
  void wait_for(int64_t end);
  /// What the jobs before `number` made is used up: as many more may begin.
  void release(int64_t number);

 private:
  using Lock = std::unique_lock<std::mutex>;
  void work();
  bool may_begin(int64_t end) const { return next_ < std::min({end, end_, released_ + window_}); }
  /// Does the jobs from next_ on, unlocked meanwhile.
  void do_until(int64_t end, Lock& lock);

  const int wanted_threads_;
  std::vector<std::thread> threads_;  // fewer than wanted, or none, where the system gives no more
  bool asked_for_threads_ = false;
  std::mutex mutex_;
  std::condition_variable to_do_, done_;
  Job job_;
  int64_t next_ = 0, end_ = 0;  // the next to begin, of how many
  int64_t released_ = 0, window_ = 0;
  int64_t finished_ = 0;       // all jobs before are done
  std::vector<bool> is_done_;  // of job k, at k % window, from finished_ on
  int running_ = 0;
  int64_t awaited_ = 0;  // how many must be finished for wait_for() to return
  int64_t failed_ = 0;   // the lowest that failed, if there is an error
  std::exception_ptr error_;
  bool quitting_ = false;
};

}  // namespace manul
