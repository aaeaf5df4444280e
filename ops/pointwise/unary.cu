#include "manul/framework/cuda/launch.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/unary_functions.h"

namespace manul::cuda {
namespace {

template <class T, class Use>
void visit_unary(const Unary& operation, Use&& use) {
  pointwise::visit<T>(pointwise::UnaryFunctions{}, operation.function, operation.parameters, use);
}

template <class F, class T>
struct UnaryBody {
  F function;
  const T* x;
  T* y;
  __device__ void operator()(int64_t i) const { y[i] = function.value(x[i]); }
};

/// The gradient by the output alone.
template <class F, class T>
struct UnaryBackwardByOutput {
  F function;
  const T *y, *dy;
  T* dx;
  __device__ void operator()(int64_t i) const { dx[i] = dy[i] * function.derivative(y[i]); }
};

template <class F, class T>
struct UnaryBackward {
  F function;
  const T *x, *y, *dy;
  T* dx;
  __device__ void operator()(int64_t i) const { dx[i] = dy[i] * function.derivative(x[i], y[i]); }
};

}  // namespace

void unary(const Unary& operation, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    visit_unary<T>(operation, [&](auto function) {
      for_each(context_of(x), x.elements(),
               UnaryBody<decltype(function), T>{function, x.data<T>(), y.mutable_data<T>()});
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
        for_each(context_of(y), y.elements(),
                 UnaryBackwardByOutput<F, T>{function, y.data<T>(), dy.data<T>(), dx.mutable_data<T>()});
      else
        for_each(context_of(y), y.elements(),
                 UnaryBackward<F, T>{function, x.data<T>(), y.data<T>(), dy.data<T>(), dx.mutable_data<T>()});
    });
  });
}

}  // namespace manul::cuda
