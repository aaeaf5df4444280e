#pragma once

#include <cstdint>

namespace manul::hdf5 {

struct Limits {
  uint64_t memory = 0;   // bytes of address space
  uint64_t output = 0;   // bytes of a written file
  uint64_t seconds = 0;  // of the processor
};

/// Limits what this process may use; what it has open beyond stdin, stdout and stderr is closed. It ends with
/// its parent.
void limit_process(const Limits& limits);

/// From now on this process may read and write what it has open and ask for memory; every other call of the
/// system (files, network, processes) fails. Does nothing on systems that cannot do that.
void allow_computing_alone();

}  // namespace manul::hdf5
