#include "framework/cpu/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "framework/error.h"

namespace manul::cpu {
namespace {

int wanted_threads = 0;
thread_local bool inside_body = false;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// One parallel_for at a time. Workers spin for a short while after a job, because the next one usually
/// follows within microseconds and waking a sleeping thread costs 30 to 40 of them; then they sleep.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void run(int64_t parts, detail::PartFunction function, void* body) {
    std::lock_guard one_job(callers_);
    parts_ = parts;
    function_ = function;
    body_ = body;
    error_ = nullptr;
    for (int i = 0; i < threads(); ++i) cursors_[i].next.store(first_part(i), std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1);
    if (sleeping_.load() > 0) {
      std::lock_guard lock(mutex_);
      wake_.notify_all();
    }
    take_parts(0);
    while (busy_.load(std::memory_order_acquire) > 0) pause();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static constexpr int most_threads = 256;
  static constexpr int spins = 20000;
  struct alignas(64) Cursor {
    std::atomic<int64_t> next{0};
  };

  int64_t first_part(int thread) const { return parts_ * thread / threads(); }

  /// The thread's own stretch first, then what the others have not begun.
  void take_parts(int thread) {
    inside_body = true;
    try {
      for (int turn = 0; turn < threads(); ++turn) {
        int owner = (thread + turn) % threads();
        int64_t end = first_part(owner + 1);
        for (int64_t k; (k = cursors_[owner].next.fetch_add(1)) < end;) function_(body_, k);
      }
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    inside_body = false;
  }

  void work(int thread) {
    uint64_t seen = 0;
    for (;;) {
      for (int i = 0; i < spins && generation_.load(std::memory_order_acquire) == seen; ++i) pause();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, [&] { return generation_.load() != seen; });
        sleeping_.fetch_sub(1);
      }
      seen = generation_.load();
      if (stopping_) return;
      take_parts(thread);
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  std::vector<std::thread> workers_;
  std::mutex callers_, mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> busy_{0}, sleeping_{0};
  bool stopping_ = false;
  int64_t parts_ = 0;
  detail::PartFunction function_ = nullptr;
  void* body_ = nullptr;
  std::exception_ptr error_;
  Cursor cursors_[most_threads];
};

std::unique_ptr<Pool>& pool() {
  static std::unique_ptr<Pool> instance;
  return instance;
}

}  // namespace

void set_threads(int threads) {
  check(threads >= 0 && threads <= 256, "threads: {} is not between 0 (all cores) and 256", threads);
  wanted_threads = threads;
  pool().reset();
}

int threads() {
  if (wanted_threads > 0) return wanted_threads;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 256);
}

void detail::run_parts(int64_t parts, PartFunction function, void* body) {
  if (parts == 1 || inside_body || threads() == 1) {
    for (int64_t k = 0; k < parts; ++k) function(body, k);
    return;
  }
  if (!pool()) pool() = std::make_unique<Pool>(threads());
  pool()->run(parts, function, body);
}

}  // namespace manul::cpu
