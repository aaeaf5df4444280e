#pragma once

#include "manul/framework/bfloat16.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/framework/tensor.h"

namespace manul::cuda {

template <class T>
struct BiasOf {
  const T* bias;
  __device__ float operator()(int64_t filter) const { return bias[filter]; }
};
struct AddBias {
  __device__ float operator()(float bias, float y) const { return y + bias; }
};

template <class T>
void add_bias_of_type(const Tensor& bias, const Tensor& y) {
  T* to = y.mutable_data<T>();
  channelwise(context_of(y), y.shape().rows(), bias.elements(), BiasOf<T>{bias.data<T>()}, AddBias{}, to,
              static_cast<const T*>(to));
}

/// y [.., filters] += bias [filters], of f32 or bf16.
inline void add_bias(const Tensor& bias, const Tensor& y) {
  y.dtype() == DType::bf16 ? add_bias_of_type<bfloat16>(bias, y) : add_bias_of_type<float>(bias, y);
}

}  // namespace manul::cuda
