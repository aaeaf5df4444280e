#include "tools/stop_signal.h"

#include <csignal>
#include <string_view>

#include <unistd.h>

namespace manul {
namespace {

std::atomic<bool> stopped{false};
std::atomic<int> received{0};

/// Only what a signal handler may do: lock-free atomics, write and _exit.
void on_signal(int number) {
  if (stopped.exchange(true)) _exit(128 + number);
  received = number;
  constexpr std::string_view text = "\nStopping after this step and saving; once more to quit at once.\n";
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

StopSignal::StopSignal() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
}

const std::atomic<bool>& StopSignal::flag() const {
  return stopped;
}

int StopSignal::exit_code() const {
  return stopped ? 128 + received : 0;
}

}  // namespace manul
