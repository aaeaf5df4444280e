#include "manul/framework/distributed/waiting.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "manul/framework/distributed/mpi/processes.h"

namespace manul {
namespace {

using Clock = std::chrono::steady_clock;

struct Wait {
  const WaitingForOthers* whose;
  Clock::time_point since;
};
/// What the watching thread looks at. Never destroyed: it may outlive main().
struct Watched {
  std::mutex mutex;
  std::vector<Wait> waits;  // the oldest first
  std::function<std::string()> problem;
};
Watched& watched() {
  static Watched& all = *new Watched;
  return all;
}
std::atomic<bool> is_watched{false};

double most_seconds() {
  const char* text = std::getenv("MANUL_TIMEOUT");
  double seconds = text ? std::atof(text) : 0;
  return seconds > 0 ? seconds : 50;
}

[[noreturn]] void give_up(mpi::Processes& all, const std::string& why) {
  std::string text =
      "process " + std::to_string(all.rank()) + " of " + std::to_string(all.size()) + why + "\n";
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::alarm(5);  // ends this process where even the end of all hangs
  all.abort(1);
  ::_exit(1);
}

/// Why this process cannot go on; empty: it can.
std::string reason_to_end(double most_seconds) {
  std::lock_guard lock(watched().mutex);
  if (watched().problem)
    if (std::string problem = watched().problem(); !problem.empty()) return ": " + problem + "; all end";
  if (watched().waits.empty()) return {};
  std::chrono::duration<double> waited = Clock::now() - watched().waits.front().since;
  if (waited.count() <= most_seconds) return {};
  return " has waited " + std::to_string(static_cast<int64_t>(waited.count())) +
         " seconds for the others: one has died or hangs; all end (MANUL_TIMEOUT=SECONDS waits longer)";
}

void watch(mpi::Processes& all) {
  double most = most_seconds();
  for (;;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (std::string reason = reason_to_end(most); !reason.empty()) give_up(all, reason);
  }
}

}  // namespace

WaitingForOthers::WaitingForOthers() {
  if (!is_watched.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(watched().mutex);
  watched().waits.push_back({this, Clock::now()});
}

WaitingForOthers::~WaitingForOthers() {
  if (!is_watched.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(watched().mutex);
  std::erase_if(watched().waits, [this](const Wait& wait) { return wait.whose == this; });
}

void end_if_others_do_not_come(mpi::Processes& all) {
  try {
    std::thread([&all] { watch(all); }).detach();
    is_watched = true;
  } catch (const std::system_error&) {  // no thread is to be had: nobody watches
  }
}

void end_if_there_is(std::function<std::string()> problem) {
  std::lock_guard lock(watched().mutex);
  watched().problem = std::move(problem);
}

}  // namespace manul
