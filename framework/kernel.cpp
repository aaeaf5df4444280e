#include "manul/framework/kernel.h"

#include "manul/framework/elementary.h"

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

void Bf16Arguments::add(const Tensor& tensor) {
  const void* address = tensor.data<bfloat16>();
  Tensor copy;
  for (const Pair& pair : pairs_)
    if (pair.address == address && pair.original.elements() == tensor.elements()) {
      if (pair.original.shape() == tensor.shape()) return;
      copy = pair.copy.view(tensor.shape());
    }
  if (!copy.defined()) {
    copy = Tensor::empty(tensor.shape(), DType::f32, tensor.device());
    convert_kernel(tensor, copy);
    copy.set_untouched();
  }
  pairs_.push_back({tensor, copy, address});
}

const Tensor& Bf16Arguments::copy_of(const Tensor& tensor) const {
  const void* address = tensor.data<bfloat16>();
  for (const Pair& pair : pairs_)
    if (pair.address == address && pair.original.shape() == tensor.shape()) return pair.copy;
  fail(ErrorKind::failed, "kernel: a tensor of bf16 was not taken");
}

void Bf16Arguments::give_back() const {
  for (const Pair& pair : pairs_)
    if (pair.copy.touched()) convert_kernel(pair.copy, pair.original);
}

}  // namespace manul
