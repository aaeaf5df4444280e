#pragma once

#include <string>

namespace manul {

/// By what this process was started together with others, as the environment says it.
struct Launch {
  std::string program;  // "mpirun", "srun"; empty: it was started alone
  int processes = 1;
  int rank = 0;  // of this one

  bool is_alone() const { return processes <= 1; }
  static Launch from_environment();
};

}  // namespace manul
