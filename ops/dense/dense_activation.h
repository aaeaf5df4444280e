#pragma once

#include "manul/ops/pointwise/pointwise_functions.h"

// Activations chosen at run time, for .cu files: for kernels that something else limits anyway.
namespace manul::cuda {

/// use(F{}) for the function F that `activation` names: value(z), and derivative(z, y) by the output y.
template <class Use>
__device__ auto with_activation(Activation activation, const Use& use) {
  switch (activation) {
    case Activation::relu:
      return use(pointwise::Relu{});
    case Activation::sigmoid:
      return use(pointwise::Sigmoid{});
    case Activation::tanh:
      return use(pointwise::Tanh{});
    default:
      return use(pointwise::Linear{});
  }
}

template <class T>
__device__ T activated(Activation activation, T z) {
  return with_activation(activation, [&](auto function) { return function.value(z); });
}

/// By the output y.
template <class T>
__device__ T activation_derivative(Activation activation, T y) {
  return with_activation(activation, [&](auto function) { return function.derivative(T(0), y); });
}

}  // namespace manul::cuda
