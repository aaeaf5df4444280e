#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/pointwise/binary_functions.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul::cuda {
namespace {

template <class T, class Use>
void visit_binary(Binary operation, Use&& use) {
  pointwise::visit<T>(pointwise::BinaryFunctions{}, operation.function, {}, use);
}

template <class F>
struct BinaryValue {
  F function;
  template <class T>
  __device__ T operator()(T a, T b) const {
    return function.value(a, b);
  }
};
template <class F>
struct BinaryValueOfRepeated {
  F function;
  template <class T>
  __device__ T operator()(T b, T a) const {
    return function.value(a, b);
  }
};

/// An operand that repeats every `period` elements.
template <class T>
struct Repeated {
  const T* b;
  int64_t period;
  __device__ T operator()(int64_t c) const { return b[period == 1 ? 0 : c]; }
};
template <class T, class Function, class... Inputs>
void with_repeated(const Context& context, int64_t elements, const Tensor& b, const Function& function, T* to,
                   const Inputs*... from) {
  int64_t period = b.elements(), channels = period == 1 && elements % 4 == 0 ? 4 : period;
  if (elements > 0)
    channelwise(context, elements / channels, channels, Repeated<T>{b.data<T>(), period}, function, to,
                from...);
}

template <class F>
struct GradientA {
  F function;
  template <class T>
  __device__ T operator()(T dy, T a, T b) const {
    return dy * function.derivative_a(a, b);
  }
};
template <class F>
struct GradientAOfRepeated {
  F function;
  template <class T>
  __device__ T operator()(T b, T dy, T a) const {
    return dy * function.derivative_a(a, b);
  }
};
template <class F>
struct GradientB {
  F function;
  template <class T>
  __device__ T operator()(T dy, T a, T b) const {
    return dy * function.derivative_b(a, b);
  }
};

/// The same where b repeats: one repetition a row.
template <class F, class T>
struct BinaryBackwardBElement {
  F function;
  const T *a, *b, *dy;
  int64_t period;
  __device__ double operator()(int64_t row, int64_t column) const {
    int64_t i = row * period + column;
    return static_cast<double>(dy[i] * function.derivative_b(a[i], b[column]));
  }
};

}  // namespace

void binary(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y) {
  const Context& context = context_of(a);
  int64_t elements = a.elements(), period = b.elements();
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) {
      using F = decltype(function);
      if (period == elements)
        elementwise(context, elements, BinaryValue<F>{function}, y.mutable_data<T>(), a.data<T>(),
                    b.data<T>());
      else
        with_repeated(context, elements, b, BinaryValueOfRepeated<F>{function}, y.mutable_data<T>(),
                      a.data<T>());
    });
  });
}

void binary_backward(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da,
                     const Tensor& db) {
  const Context& context = context_of(a);
  int64_t elements = a.elements(), period = b.elements();
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) {
      using F = decltype(function);
      if constexpr (pointwise::has_gradient<F, T>) {
        const T *x = a.data<T>(), *z = b.data<T>(), *arrived = dy.data<T>();
        if (da.defined() && period == elements)
          elementwise(context, elements, GradientA<F>{function}, da.mutable_data<T>(), arrived, x, z);
        else if (da.defined())
          with_repeated(context, elements, b, GradientAOfRepeated<F>{function}, da.mutable_data<T>(), arrived,
                        x);
        if (!db.defined()) return;
        if (period == elements)
          elementwise(context, elements, GradientB<F>{function}, db.mutable_data<T>(), arrived, x, z);
        else
          column_sums<double>(a, period == 0 ? 0 : elements / period, period,
                              BinaryBackwardBElement<F, T>{function, x, z, arrived, period},
                              StoreSum<T>{db.mutable_data<T>()});
      }
    });
  });
}

}  // namespace manul::cuda
