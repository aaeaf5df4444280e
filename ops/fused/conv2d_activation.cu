#include "manul/ops/fused/conv2d_activation.h"

#include "manul/framework/cuda/elementwise.h"
#include "manul/framework/elementary.h"
#include "manul/ops/fused/fused_in_normalization.h"
#include "manul/ops/pointwise/activation_table.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul::cuda {
namespace {

template <class F>
struct Finish {
  F function;
  template <class T>
  __device__ T operator()(T y) const {
    return function.value(y);
  }
  template <class T>
  __device__ T operator()(T y, T addend) const {
    return function.value(y + addend);
  }
};

template <class T, class F>
void finish(const F& function, const Tensor& addend, const Tensor& y) {
  T* to = y.mutable_data<T>();
  const T* from = to;
  if (addend.defined())
    elementwise(context_of(y), y.elements(), Finish<F>{function}, to, from, addend.data<T>());
  else
    elementwise(context_of(y), y.elements(), Finish<F>{function}, to, from);
}

/// Of the activations that have kernels of their own.
template <class C>
void finish_in(const Tensor& addend, Activation activation, const Tensor& y) {
  pointwise::visit_listed<C>(
      "add_activation", activation,
      [&](auto function) {
        if (y.dtype() == DType::bf16)
          finish<bfloat16>(function, addend, y);
        else
          finish<C>(function, addend, y);
      },
      pointwise::FusedInNormalization{});
}

}  // namespace

void add_activation(const Tensor& addend, Activation activation, const Tensor& y) {
  if (y.elements() == 0) return;
  if (is_fused_in_normalization(activation))
    return y.dtype() == DType::f64 ? finish_in<double>(addend, activation, y)
                                   : finish_in<float>(addend, activation, y);
  if (addend.defined()) accumulate(addend, y);
  pointwise::visit_activation(activation, [&](const auto& entry) {
    if constexpr (!requires { entry.op; }) unary({entry.index(), entry.parameters}, y, y);
  });
}

}  // namespace manul::cuda
