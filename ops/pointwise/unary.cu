#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/unary_functions.h"

namespace manul::cuda {
namespace {

template <class T, class Use>
void visit_unary(const Unary& operation, Use&& use) {
  pointwise::visit<T>(pointwise::UnaryFunctions{}, operation.function, operation.parameters, use);
}

/// Those that bf16 is computed by as it is: what stands between the products of networks. Each costs kernels
/// of its own; of all others bf16 is converted.
using UnaryInBf16 = pointwise::FunctionList<pointwise::Scale, pointwise::Relu, pointwise::Relu6,
                                            pointwise::Sigmoid, pointwise::Tanh, pointwise::Silu,
                                            pointwise::Gelu, pointwise::HardSigmoid, pointwise::HardSilu>;

/// Gelu of numbers that are rounded to bf16: the distribution's error is 1e-7 (Abramowitz and Stegun 7.1.26,
/// halved), and its exponential is the derivative's as well.
struct GeluInBf16 {
  struct Normal {
    float distribution, exponential;
  };
  __device__ static Normal normal(float x) {
    float z = std::fabs(x) * 0.70710678f, t = __fdividef(1.0f, 1.0f + 0.3275911f * z);
    float exponential = __expf(-z * z);
    float series =
        0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f)));
    float tail = 0.5f * t * series * exponential;
    return {x < 0.0f ? tail : 1.0f - tail, exponential};
  }
  __device__ float value(float x) const { return x * normal(x).distribution; }
  __device__ float derivative(float x, float) const {
    Normal at = normal(x);
    return at.distribution + x * 0.39894228f * at.exponential;
  }
};

template <class F>
F in_bf16(const F& function) {
  return function;
}
GeluInBf16 in_bf16(const pointwise::Gelu<float>&) {
  return {};
}

/// Calls use(F{}) if the function is one of the list.
template <class Use, template <class> class... Functions>
bool visit_in_bf16(const Unary& operation, Use&& use, pointwise::FunctionList<Functions...>) {
  return ((pointwise::unary_place<Functions> == operation.function &&
           (use(in_bf16(pointwise::make_function<Functions<float>, float>(operation.parameters))), true)) ||
          ...);
}

template <class F>
struct Value {
  F function;
  template <class T>
  __device__ T operator()(T x) const {
    return function.value(x);
  }
};

/// dx by dy and the output y alone, or by dy, the input x and y.
template <class F>
struct InputGradient {
  F function;
  template <class T>
  __device__ T operator()(T dy, T y) const {
    return dy * function.derivative(y);
  }
  template <class T>
  __device__ T operator()(T dy, T x, T y) const {
    return dy * function.derivative(x, y);
  }
};

template <class T, class F>
void compute(const F& function, const Tensor& x, const Tensor& y) {
  elementwise(context_of(x), x.elements(), Value<F>{function}, y.mutable_data<T>(), x.data<T>());
}

template <class T, class F>
void compute_gradient(const F& function, const Tensor& x, const Tensor& y, const Tensor& dy,
                      const Tensor& dx) {
  if constexpr (pointwise::from_output<F, Compute<T>>)
    elementwise(context_of(y), y.elements(), InputGradient<F>{function}, dx.mutable_data<T>(), dy.data<T>(),
                y.data<T>());
  else
    elementwise(context_of(y), y.elements(), InputGradient<F>{function}, dx.mutable_data<T>(), dy.data<T>(),
                x.data<T>(), y.data<T>());
}

}  // namespace

void unary(const Unary& operation, const Tensor& x, const Tensor& y) {
  if (x.dtype() == DType::bf16) {
    auto use = [&](auto function) { compute<bfloat16>(function, x, y); };
    if (!visit_in_bf16(operation, use, UnaryInBf16{})) call_in_f32(unary, operation, x, y);
    return;
  }
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    visit_unary<T>(operation, [&](auto function) { compute<T>(function, x, y); });
  });
}

void unary_backward(const Unary& operation, const Tensor& x, const Tensor& y, const Tensor& dy,
                    const Tensor& dx) {
  if (y.dtype() == DType::bf16) {
    auto use = [&](auto function) { compute_gradient<bfloat16>(function, x, y, dy, dx); };
    if (!visit_in_bf16(operation, use, UnaryInBf16{})) call_in_f32(unary_backward, operation, x, y, dy, dx);
    return;
  }
  visit_float(y.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    visit_unary<T>(operation, [&](auto function) { compute_gradient<T>(function, x, y, dy, dx); });
  });
}

}  // namespace manul::cuda
