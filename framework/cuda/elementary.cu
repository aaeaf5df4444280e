#include "manul/framework/elementary.h"

#include "manul/framework/cuda/elementwise.h"
#include "manul/framework/step.h"

namespace manul::cuda {
namespace {

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

template <class T>
struct Fill {
  T value;
  T* to;
  __device__ void operator()(int64_t i) const { to[i] = value; }
};

template <class T>
void fill_all(double value, const Tensor& y) {
  for_each(context_of(y), y.elements(), Fill<T>{static_cast<T>(value), y.mutable_data<T>()});
}

struct AdvanceStep {
  StepState* state;
  int64_t samples;
  __device__ void operator()(int64_t) const {
    state->iteration += 1;
    state->position += samples;
  }
};

__global__ void probe_kernel() {}

}  // namespace

int compiled_architecture() {
  cudaFuncAttributes attributes{};
  MANUL_CHECK_CUDA(cudaFuncGetAttributes(&attributes, probe_kernel));
  return attributes.ptxVersion;
}

void accumulate(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "accumulate", [&](auto zero) {
    using T = decltype(zero);
    T* to = y.mutable_data<T>();
    elementwise(context_of(x), x.elements(), Sum{}, to, static_cast<const T*>(to), x.data<T>());
  });
}

void fill(double value, const Tensor& y) {
  switch (y.dtype()) {
    case DType::f32:
      return fill_all<float>(value, y);
    case DType::f64:
      return fill_all<double>(value, y);
    case DType::u8:
      return fill_all<uint8_t>(value, y);
    case DType::i32:
      return fill_all<int32_t>(value, y);
  }
}

void advance_step(const Tensor& state, int64_t samples) {
  for_each(context_of(state), 1, AdvanceStep{mutable_state_in(state), samples});
}

}  // namespace manul::cuda
