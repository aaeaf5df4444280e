#include "manul/ops/optimizers/optimizers.h"

#include "manul/ops/optimizers/update_kernel.h"

namespace manul::cuda {

void link_optimizers() {
  KerasOptimizers::for_each(
      []<class Options>(std::type_identity<Options>) { UpdateRegistration<Options>(); });
}

}  // namespace manul::cuda
