#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/unary_functions.h"

namespace manul::cuda {
namespace {

template <class T, class Use>
void visit_unary(const Unary& operation, Use&& use) {
  pointwise::visit<T>(pointwise::UnaryFunctions{}, operation.function, operation.parameters, use);
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

}  // namespace

void unary(const Unary& operation, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    visit_unary<T>(operation, [&](auto function) {
      elementwise(context_of(x), x.elements(), Value<decltype(function)>{function}, y.mutable_data<T>(),
                  x.data<T>());
    });
  });
}

void unary_backward(const Unary& operation, const Tensor& x, const Tensor& y, const Tensor& dy,
                    const Tensor& dx) {
  visit_float(y.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    visit_unary<T>(operation, [&](auto function) {
      using F = decltype(function);
      if constexpr (pointwise::from_output<F, T>)
        elementwise(context_of(y), y.elements(), InputGradient<F>{function}, dx.mutable_data<T>(),
                    dy.data<T>(), y.data<T>());
      else
        elementwise(context_of(y), y.elements(), InputGradient<F>{function}, dx.mutable_data<T>(),
                    dy.data<T>(), x.data<T>(), y.data<T>());
    });
  });
}

}  // namespace manul::cuda
