#include "manul/framework/cpu/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "manul/framework/cpu/start_threads.h"
#include "manul/framework/error.h"

namespace manul::cpu {
namespace {

constexpr int most_threads = 256;
std::atomic<int> wanted_threads = 0;
thread_local bool inside_body = false;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// While one is alive, this thread's denormal results and operands count as zero. Moments of Adam that decay
/// towards zero become denormal, and each operation on one traps into microcode: three times the whole step.
/// What is lost is below 1e-38; TensorFlow's threads run so, too. Elsewhere than on x86-64: nothing.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(__builtin_ia32_stmxcsr()) {
    __builtin_ia32_ldmxcsr(before_ | 0x8040);
  }
  ~FlushDenormals() {
    __builtin_ia32_ldmxcsr(before_);
  }

 private:
  unsigned before_;
#endif
};

/// Spins until `done()`, for about `microseconds` at most; true if it became true.
template <class Done>
bool spin(int microseconds, Done&& done) {
  auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

/// Runs one job at a time. Workers spin for a short while after a job, because the next one usually follows
/// within microseconds and waking a sleeping thread costs 30 to 40 of them; then they sleep. A job waits only
/// for workers that have begun on it: on a busy machine the caller does the part of one that gets no core.
class ThreadPool {
 public:
  explicit ThreadPool(int threads) {
    start_threads(workers_, threads - 1, "the CPU's kernels", [this](int worker) { work(worker + 1); });
  }

  ~ThreadPool() {
    stopping_ = true;
    state_.fetch_add(one_job);
    {
      std::lock_guard lock(mutex_);
      wake_.notify_all();
    }
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void run(int64_t parts, detail::PartFunction function, void* body) {
    parts_ = parts;
    function_ = function;
    body_ = body;
    error_ = nullptr;
    for (int i = 0; i < threads(); ++i) cursors_[i].next.store(first_part(i), std::memory_order_relaxed);
    state_.fetch_add(one_job | open);
    if (sleeping_.load() > 0) {
      std::lock_guard lock(mutex_);
      wake_.notify_all();
    }
    take_parts(0);
    state_.fetch_and(~open);
    auto done = [&] { return (state_.load(std::memory_order_acquire) & inside) == 0; };
    while (!spin(50, done)) std::this_thread::yield();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static constexpr int spin_microseconds = 200;
  /// state_: the number of workers inside the job, whether more may enter, and the number of the job.
  static constexpr uint64_t inside = 0xFFFF, open = 0x10000, one_job = 0x20000;
  struct alignas(64) Cursor {
    std::atomic<int64_t> next{0};
  };

  int64_t first_part(int thread) const { return parts_ * thread / threads(); }

  /// The thread's own stretch first, then what the others have not begun.
  void take_parts(int thread) {
    inside_body = true;
    [[maybe_unused]] FlushDenormals flush;
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
    auto another_job = [&] { return state_.load() / one_job != seen; };
    while (!stopping_) {
      if (!spin(spin_microseconds, another_job)) {
        std::unique_lock lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, another_job);
        sleeping_.fetch_sub(1);
      }
      uint64_t state = state_.load();
      bool entered = false;
      while ((state & open) && !(entered = state_.compare_exchange_weak(state, state + 1))) {
      }
      seen = state / one_job;
      if (!entered) continue;
      take_parts(thread);
      state_.fetch_sub(1, std::memory_order_release);
    }
  }

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> state_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stopping_{false};
  int64_t parts_ = 0;
  detail::PartFunction function_ = nullptr;
  void* body_ = nullptr;
  std::exception_ptr error_;
  Cursor cursors_[most_threads];
};

/// Held by the job that has the pool.
std::mutex& thread_pool_mutex() {
  static std::mutex instance;
  return instance;
}

std::unique_ptr<ThreadPool>& thread_pool() {
  static std::unique_ptr<ThreadPool> instance;
  return instance;
}

}  // namespace

void set_threads(int threads) {
  check(threads >= 0 && threads <= most_threads, "threads: {} is not between 0 (all cores) and {}", threads,
        most_threads);
  std::lock_guard lock(thread_pool_mutex());
  wanted_threads = threads;
  thread_pool().reset();
}

int threads() {
  if (wanted_threads > 0) return wanted_threads;
  // Asked once: the C library opens a file of the system's for each answer.
  static const int cores = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, most_threads);
  return cores;
}

void detail::run_parts(int64_t parts, PartFunction function, void* body) {
  std::unique_lock lock(thread_pool_mutex(), std::defer_lock);
  if (parts == 1 || inside_body || threads() == 1 || !lock.try_lock()) {
    [[maybe_unused]] FlushDenormals flush;
    for (int64_t k = 0; k < parts; ++k) function(body, k);
    return;
  }
  if (!thread_pool()) thread_pool() = std::make_unique<ThreadPool>(threads());
  thread_pool()->run(parts, function, body);
}

}  // namespace manul::cpu
