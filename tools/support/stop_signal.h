#pragma once

#include <atomic>

namespace manul {

/// From its construction on, the first signal that asks the program to end sets a flag, so that the work can
/// be saved: SIGINT (Ctrl-C), SIGTERM, SIGHUP (the terminal was closed; left ignored under nohup) and SIGPIPE
/// (the reader of the output has gone). Another SIGINT or SIGTERM half a second later or more ends the
/// program at once. One per program.
class StopSignal {
 public:
  StopSignal();

  /// From now on there is work to save; the message of the signal says that it will be.
  void announce_saving() const;
  bool saves() const;
  /// True once a signal has come; what FitOptions::stop takes.
  const std::atomic<bool>& flag() const;
  /// 128 + the signal's number, the exit code of a program that a signal stopped; 0 if none has come.
  int exit_code() const;
};

}  // namespace manul
