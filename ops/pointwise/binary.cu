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

/// Those that bf16 is computed by as it is; see unary.cu.
using BinaryInBf16 = pointwise::FunctionList<pointwise::Add, pointwise::Subtract, pointwise::Multiply>;

template <class Use, template <class> class... Functions>
bool visit_in_bf16(Binary operation, Use&& use, pointwise::FunctionList<Functions...>) {
  return ((pointwise::binary_place<Functions> == operation.function && (use(Functions<float>{}), true)) ||
          ...);
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
  __device__ Compute<T> operator()(int64_t c) const { return b[period == 1 ? 0 : c]; }
};
template <class T, class Function, class... Inputs>
void with_repeated(const Context& context, int64_t elements, const Tensor& b, const Function& function, T* to,
                   const Inputs*... from) {
  constexpr int64_t width = pack_width<T>;
  int64_t period = b.elements(), channels = period == 1 && elements % width == 0 ? width : period;
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
    using X = Compute<T>;
    return static_cast<double>(static_cast<X>(dy[i]) *
                               function.derivative_b(static_cast<X>(a[i]), static_cast<X>(b[column])));
  }
};

template <class T, class F>
void compute(const F& function, const Tensor& a, const Tensor& b, const Tensor& y) {
  int64_t elements = a.elements();
  if (b.elements() == elements)
    elementwise(context_of(a), elements, BinaryValue<F>{function}, y.mutable_data<T>(), a.data<T>(),
                b.data<T>());
  else
    with_repeated(context_of(a), elements, b, BinaryValueOfRepeated<F>{function}, y.mutable_data<T>(),
                  a.data<T>());
}

template <class T, class F>
void compute_gradients(const F& function, const Tensor& a, const Tensor& b, const Tensor& dy,
                       const Tensor& da, const Tensor& db) {
  const Context& context = context_of(a);
  int64_t elements = a.elements(), period = b.elements();
  const T *x = a.data<T>(), *z = b.data<T>(), *arrived = dy.data<T>();
  if (da.defined() && period == elements)
    elementwise(context, elements, GradientA<F>{function}, da.mutable_data<T>(), arrived, x, z);
  else if (da.defined())
    with_repeated(context, elements, b, GradientAOfRepeated<F>{function}, da.mutable_data<T>(), arrived, x);
  if (!db.defined()) return;
  if (period == elements)
    elementwise(context, elements, GradientB<F>{function}, db.mutable_data<T>(), arrived, x, z);
  else
    column_sums<double>(a, period == 0 ? 0 : elements / period, period,
                        BinaryBackwardBElement<F, T>{function, x, z, arrived, period},
                        StoreSum<T>{db.mutable_data<T>()});
}

}  // namespace

void binary(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y) {
  if (a.dtype() == DType::bf16) {
    auto use = [&](auto function) { compute<bfloat16>(function, a, b, y); };
    if (!visit_in_bf16(operation, use, BinaryInBf16{})) call_in_f32(binary, operation, a, b, y);
    return;
  }
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) { compute<T>(function, a, b, y); });
  });
}

void binary_backward(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da,
                     const Tensor& db) {
  if (a.dtype() == DType::bf16) {
    auto use = [&](auto function) { compute_gradients<bfloat16>(function, a, b, dy, da, db); };
    if (!visit_in_bf16(operation, use, BinaryInBf16{}))
      call_in_f32(binary_backward, operation, a, b, dy, da, db);
    return;
  }
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) {
      if constexpr (pointwise::has_gradient<decltype(function), T>)
        compute_gradients<T>(function, a, b, dy, da, db);
    });
  });
}

}  // namespace manul::cuda
