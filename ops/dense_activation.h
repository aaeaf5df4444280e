#pragma once

#include "ops/pointwise_functions.h"

// Activations chosen at run time, for .cu files: for kernels that something else limits anyway.
namespace manul::cuda {

template <class T>
__device__ T activated(Activation activation, T z) {
  switch (activation) {
    case Activation::relu:
      return pointwise::Relu::value(z);
    case Activation::sigmoid:
      return pointwise::Sigmoid::value(z);
    case Activation::tanh:
      return pointwise::Tanh::value(z);
    default:
      return z;
  }
}

/// By the output y.
template <class T>
__device__ T activation_derivative(Activation activation, T y) {
  switch (activation) {
    case Activation::relu:
      return pointwise::Relu::derivative(T(0), y);
    case Activation::sigmoid:
      return pointwise::Sigmoid::derivative(T(0), y);
    case Activation::tanh:
      return pointwise::Tanh::derivative(T(0), y);
    default:
      return T(1);
  }
}

}  // namespace manul::cuda
