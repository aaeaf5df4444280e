#include "manul/framework/distributed/waiting.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "manul/framework/distributed/mpi/processes.h"

namespace manul {
namespace {

using Clock = std::chrono::steady_clock;

/// When it began to wait, in Clock's ticks; 0: it does not.
std::atomic<Clock::rep> waiting_since{0};
std::atomic<bool> is_watched{false};

double most_seconds() {
  const char* text = std::getenv("MANUL_TIMEOUT");
  double seconds = text ? std::atof(text) : 0;
  return seconds > 0 ? seconds : 50;
}

[[noreturn]] void give_up(mpi::Processes& all, double seconds) {
  std::string text = "process " + std::to_string(all.rank()) + " of " + std::to_string(all.size()) +
                     " has waited " + std::to_string(static_cast<int64_t>(seconds)) +
                     " seconds for the others: one has died or hangs; all end (MANUL_TIMEOUT=SECONDS waits "
                     "longer)\n";
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::alarm(5);  // ends this process where even the end of all hangs
  all.abort(1);
  ::_exit(1);
}

void watch(mpi::Processes& all) {
  double most = most_seconds();
  for (;;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    Clock::rep since = waiting_since;
    if (since == 0) continue;
    std::chrono::duration<double> waited = Clock::now().time_since_epoch() - Clock::duration(since);
    if (waited.count() > most) give_up(all, waited.count());
  }
}

}  // namespace

WaitingForOthers::WaitingForOthers() {
  if (is_watched.load(std::memory_order_relaxed)) waiting_since = Clock::now().time_since_epoch().count();
}

WaitingForOthers::~WaitingForOthers() {
  waiting_since = 0;
}

void end_if_others_do_not_come(mpi::Processes& all) {
  try {
    std::thread([&all] { watch(all); }).detach();
    is_watched = true;
  } catch (const std::system_error&) {  // no thread is to be had: nobody watches
  }
}

}  // namespace manul
