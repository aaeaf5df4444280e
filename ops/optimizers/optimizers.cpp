#include "manul/ops/optimizers/optimizers.h"

#include "manul/framework/cpu/take_range.h"
#include "manul/ops/optimizers/own_optimizer.h"

namespace manul {

#ifdef MANUL_WITH_CUDA
namespace cuda {
/// Of optimizers.cu: registers the updates there.
void link_optimizers();
}  // namespace cuda
#endif

namespace {

const bool compiled = [] {
  KerasOptimizers::for_each(
      []<class Options>(std::type_identity<Options>) { OptimizerRegistration<Options>(); });
#ifdef MANUL_WITH_CUDA
  cuda::link_optimizers();
#endif
  return true;
}();

}  // namespace

void link_keras_optimizers() {}

void need_compiled_update(bool found, std::string_view class_name, Device device) {
  if (found && compiled) return;
  if (device.is_cpu())
    fail(ErrorKind::device,
         "optimizer {}: it has no update for the CPU in this program: its header must include "
         "manul/ops/optimizers/own_optimizer.h and have an OptimizerRegistration",
         class_name);
  fail(ErrorKind::device,
       "optimizer {}: it has no update for {} in this program: compile a .cu file with a "
       "cuda::UpdateRegistration of it (manul/ops/optimizers/update_kernel.h)",
       class_name, device.name());
}

void take_all(const GradientTaker& taker, const Update& update) {
  cpu::take_range(taker, 0, update.gradients.elements(), update.gradients.raw(),
                  size_of(update.gradients.dtype()));
  if (update.samples >= 0) cpu::advance_step(update.state, update.samples);
}

}  // namespace manul
