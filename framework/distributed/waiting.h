#pragma once

namespace manul {

namespace mpi {
class Processes;
}

/// While one lives, this process waits for the others, or for a GPU that may wait for them.
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

}  // namespace manul
