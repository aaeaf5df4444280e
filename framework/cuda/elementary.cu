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

struct Same {
  template <class T>
  __device__ T operator()(T value) const {
    return value;
  }
};

template <class From, class To>
void convert_all(const Tensor& x, const Tensor& y) {
  elementwise(context_of(x), x.elements(), Same{}, y.mutable_data<To>(), x.data<From>());
}

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

void convert(const Tensor& x, const Tensor& y) {
  visit_compute(y.dtype(), "convert", [&](auto types) {
    using To = typename decltype(types)::Storage;
    if (x.dtype() == DType::bf16) return convert_all<bfloat16, To>(x, y);
    visit_dtype(x.dtype(), [&](auto zero) { convert_all<decltype(zero), To>(x, y); });
  });
}

void accumulate(const Tensor& x, const Tensor& y) {
  visit_compute(x.dtype(), "accumulate", [&](auto types) {
    using T = typename decltype(types)::Storage;
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
    case DType::bf16:
      return fill_all<bfloat16>(value, y);
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
