#include "manul/tools/support/stop_signal.h"

#include <csignal>
#include <cstdint>
#include <ctime>
#include <limits>
#include <string_view>

#include <unistd.h>

namespace manul {
namespace {

std::atomic<int> received{0};
std::atomic<bool> stopped{false}, saving{false};
std::atomic<int64_t> received_at{std::numeric_limits<int64_t>::max()};  // milliseconds

int64_t milliseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * int64_t{1000} + time.tv_nsec / 1000000;
}

void tell(std::string_view text) {
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

/// Only what a signal handler may do: lock-free atomics, clock_gettime, write and _exit.
void on_signal(int number) {
  bool insistent = number == SIGINT || number == SIGTERM;
  if (int none = 0; !received.compare_exchange_strong(none, number)) {
    // A closed terminal may signal twice, a closed pipe does so at every line, and `timeout` signals the
    // program and then its group.
    constexpr int64_t as_one = 500;
    if (insistent && milliseconds() - received_at >= as_one) _exit(128 + number);
    return;
  }
  received_at = milliseconds();
  stopped = true;
  tell(saving ? "\nStopping after this step and saving" : "\nStopping");
  tell(insistent ? "; once more to quit at once.\n" : ".\n");
}

}  // namespace

StopSignal::StopSignal() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    struct sigaction inherited {};
    sigaction(number, nullptr, &inherited);
    bool nohup = number == SIGHUP && inherited.sa_handler == SIG_IGN;
    if (!nohup) sigaction(number, &action, nullptr);
  }
}

void StopSignal::announce_saving() const {
  saving = true;
}

bool StopSignal::saves() const {
  return saving;
}

const std::atomic<bool>& StopSignal::flag() const {
  return stopped;
}

int StopSignal::exit_code() const {
  int number = received;
  return number != 0 ? 128 + number : 0;
}

}  // namespace manul
