#pragma once

#include <functional>
#include <string>

namespace manul {

namespace mpi {
class Processes;
}

/// While one lives, its thread waits for the others, or for a GPU that may wait for them.
class WaitingForOthers {
 public:
  WaitingForOthers();
  ~WaitingForOthers();
  WaitingForOthers(const WaitingForOthers&) = delete;
  WaitingForOthers& operator=(const WaitingForOthers&) = delete;
};

/// From now on a process that has waited for MANUL_TIMEOUT seconds (50 without it) says so, and ends all: one
/// of the others has died or hangs.
void end_if_others_do_not_come(mpi::Processes& all);

/// What the watching thread asks five times a second from now on: text says what has failed for good, and
/// ends all processes. Null: nothing is asked any more once this returns.
void end_if_there_is(std::function<std::string()> problem);

}  // namespace manul
