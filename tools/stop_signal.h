#pragma once

#include <atomic>

namespace manul {

/// From its making on, the first SIGINT (Ctrl-C) or SIGTERM sets a flag, so that the work can end in order; a
/// second one ends the program at once. One a program.
class StopSignal {
 public:
  StopSignal();

  /// True once a signal has come; what FitOptions::stop takes.
  const std::atomic<bool>& flag() const;
  /// 128 + the signal's number, the exit code of a program that a signal stopped; 0 if none has come.
  int exit_code() const;
};

}  // namespace manul
