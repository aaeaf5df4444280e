#include "manul/framework/kernel.h"

#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/accesses.h"
#include "manul/framework/cuda/context.h"
#endif

namespace manul {

void CallScope::begin() const {
#ifdef MANUL_WITH_CUDA
  cuda::Context::use(device_.index).accesses().begin_op();
#endif
}

void CallScope::end() const {
#ifdef MANUL_WITH_CUDA
  cuda::Context::use(device_.index).accesses().end_op();
#endif
}

}  // namespace manul
