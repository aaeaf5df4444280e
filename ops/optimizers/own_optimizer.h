#pragma once

#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/ops/optimizers/update_loops.h"

namespace manul {

/// Makes an optimizer known to files and names, and compiles its update for the CPU: one object in the header
/// of a struct of options (see ops/optimizers/optimizer_of.h).
template <class Options>
struct OptimizerRegistration {
  OptimizerRegistration() {
    CompiledUpdate<Options>::on_cpu = cpu::range_update<Options>;
    register_optimizer<Options>();
  }
};

}  // namespace manul
