#pragma once

#include "manul/ops/pointwise/activation_table.h"

// The activations that the kernels of a dense compute themselves. All others are an op behind it.
namespace manul {
namespace pointwise {

/// Few, because each one costs the GPU kernels room. Any line of the activation table may stand here whose
/// derivative can be had from the output alone.
using FusedInDense =
    ActivationList<Activation::relu, Activation::sigmoid, Activation::tanh, Activation::linear>;

/// The function of an activation that a dense may fuse.
template <Activation activation, class T>
MANUL_HOST_DEVICE constexpr auto fused_function() {
  static_assert(ActivationEntry<activation>::from_output,
                "the gradient of a dense is computed from its output alone");
  return activation_function<activation, T>();
}

}  // namespace pointwise

constexpr bool is_fused_in_dense(Activation activation) {
  return pointwise::is_in(pointwise::FusedInDense{}, activation);
}

/// Calls use(F{}) with the function of an activation that is fused; for others nothing may call this.
template <class T, class Use>
void visit_fused(Activation activation, Use&& use) {
  pointwise::visit_listed<T>("dense", activation, use, pointwise::FusedInDense{});
}

inline void check_fused(Activation activation) {
  visit_fused<float>(activation, [](auto) {});
}

#ifdef __CUDACC__
namespace cuda {

/// use(F{}) for the function F of an activation that is fused. The last of the list needs no question: the
/// host functions let no other through (visit_fused).
template <class T, class Use, Activation first, Activation... rest>
__device__ auto with_activation(Activation activation, const Use& use,
                                pointwise::ActivationList<first, rest...>) {
  if constexpr (sizeof...(rest) > 0)
    if (activation != first) return with_activation<T>(activation, use, pointwise::ActivationList<rest...>{});
  return use(pointwise::fused_function<first, T>());
}
template <class T, class Use>
__device__ auto with_activation(Activation activation, const Use& use) {
  return with_activation<T>(activation, use, pointwise::FusedInDense{});
}

template <class T>
__device__ T activated(Activation activation, T z) {
  return with_activation<T>(activation, [&](auto function) { return function.value(z); });
}

/// By the output y.
template <class T>
__device__ T activation_derivative(Activation activation, T y) {
  return with_activation<T>(activation, [&](auto function) { return function.derivative(y); });
}

}  // namespace cuda
#endif

}  // namespace manul
