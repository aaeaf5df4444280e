#pragma once

#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/ops/optimizers/update_loops.h"

namespace manul {

/// Makes an optimizer known to files and names, and compiles its update for the CPU: one object in the header
/// of a struct of options (see ops/optimizers/optimizer_of.h), or of a class that overrides apply():
///
///     class HalvingSGD : public SGD {
///      public:
///       using SGD::SGD;
///       std::string class_name() const override { return "Mine>HalvingSGD"; }
///
///      protected:
///       void apply(const Update& update) override;
///     };
///     inline const OptimizerRegistration<HalvingSGD> halving_sgd_registration;
///
/// Files name such a class by its class_name(), and make it from what its options() gives, a struct with
/// describe(), and OptimizerOptions: its constructor takes both, or neither.
template <class Registered>
struct OptimizerRegistration {
  OptimizerRegistration() {
    using Options = typename OptimizerParts<Registered>::Options;
    if constexpr (requires(Options options) { options.template rule<float>(); })
      CompiledUpdate<Options>::on_cpu = cpu::range_update<Options>;
    register_optimizer<Registered>();
  }
};

}  // namespace manul
