#include "manul/data/datasets/read_ahead.h"

#include <utility>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/start_threads.h"
#include "manul/framework/error.h"

namespace manul {

ReadAhead::ReadAhead(int threads)
    : wanted_threads_(threads > 0 ? threads
                                  : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {}

ReadAhead::~ReadAhead() {
  stop();
  {
    std::lock_guard lock(mutex_);
    quitting_ = true;
  }
  to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReadAhead::start(int64_t first, int64_t end, int64_t window, Job job) {
  check(window > 0, "read ahead: a window of {} jobs", window);
  stop();
  {
    std::lock_guard lock(mutex_);
    job_ = std::move(job);
    next_ = released_ = finished_ = first;
    end_ = end;
    window_ = window;
    is_done_.assign(window, false);
    error_ = nullptr;
  }
  to_do_.notify_all();
  if (!asked_for_threads_)
    cpu::start_threads(threads_, wanted_threads_, "reading pictures", [this](int) { work(); });
  asked_for_threads_ = true;
}

void ReadAhead::stop() {
  Lock lock(mutex_);
  end_ = next_;
  done_.wait(lock, [this] { return running_ == 0; });
}

void ReadAhead::wait_for(int64_t end) {
  Lock lock(mutex_);
  check(end <= std::min(end_, released_ + window_), "read ahead: job {} is beyond the window", end - 1);
  // No more at once than this thread's pool does at once: the others go on with what is left.
  while (next_ < end) do_until(std::min<int64_t>(end, next_ + cpu::threads()), lock);
  awaited_ = end;
  done_.wait(lock, [&] { return finished_ >= end; });
  if (error_ && failed_ < end) std::rethrow_exception(error_);
}

void ReadAhead::release(int64_t number) {
  {
    std::lock_guard lock(mutex_);
    if (number <= released_) return;
    released_ = number;
    if (!may_begin(end_)) return;
  }
  to_do_.notify_all();
}

void ReadAhead::work() {
  Lock lock(mutex_);
  for (;;) {
    to_do_.wait(lock, [this] { return quitting_ || may_begin(end_); });
    if (quitting_) return;
    do_until(next_ + 1, lock);
  }
}

void ReadAhead::do_until(int64_t end, Lock& lock) {
  int64_t first = std::exchange(next_, end);
  ++running_;
  lock.unlock();
  std::vector<std::exception_ptr> errors(end - first);
  cpu::parallel_for(end - first, 1, [&](int64_t begin, int64_t stop) {
    for (int64_t k = begin; k < stop; ++k) {
      try {
        job_(first + k);
      } catch (...) {
        errors[k] = std::current_exception();
      }
    }
  });
  lock.lock();
  --running_;
  for (int64_t k = first; k < end; ++k) {
    is_done_[k % window_] = true;
    if (!errors[k - first] || (error_ && failed_ < k)) continue;
    error_ = errors[k - first];
    failed_ = k;
  }
  for (; finished_ < next_ && is_done_[finished_ % window_]; ++finished_)
    is_done_[finished_ % window_] = false;
  if (running_ == 0 || finished_ >= awaited_) done_.notify_all();
}

}  // namespace manul
