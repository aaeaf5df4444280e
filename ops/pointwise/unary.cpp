#include "manul/framework/cpu/eigen.h"
#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/unary_functions.h"

namespace manul {

using namespace pointwise;

bool derivative_needs_input(const Unary& operation) {
  bool needs = true;
  visit<float>(UnaryFunctions{}, operation.function, operation.parameters,
               [&](auto function) { needs = !from_output<decltype(function), float>; });
  return needs;
}

Tensor unary(const Unary& operation, std::string_view name, const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  unary_kernel(operation, x, y);
  if (Tape* tape = Tape::recording({&x})) {
    Tensor input = derivative_needs_input(operation) ? x : Tensor();
    tape->record(name, y, {x}, [operation, input, y](const Tensor& dy, Gradients& gradients) {
      unary_backward_kernel(operation, input, y, dy, gradients.target_in_place(0, dy));
    });
  }
  return y;
}

Tensor scale(const Tensor& x, double factor, double offset) {
  Unary operation{unary_place<Scale>, {factor, offset}};
  Tensor y = Tensor::empty_like(x);
  unary_kernel(operation, x, y);
  if (Tape* tape = Tape::recording({&x}))  // keeps neither input nor output
    tape->record("scale", y, {x}, [factor](const Tensor& dy, Gradients& gradients) {
      unary_kernel(Unary{unary_place<Scale>, {factor}}, dy, gradients.target(0));
    });
  return y;
}

Tensor operator+(const Tensor& a, double b) {
  return scale(a, 1, b);
}
Tensor operator+(double a, const Tensor& b) {
  return scale(b, 1, a);
}
Tensor operator-(const Tensor& a, double b) {
  return scale(a, 1, -b);
}
Tensor operator-(double a, const Tensor& b) {
  return scale(b, -1, a);
}
Tensor operator*(const Tensor& a, double b) {
  return scale(a, b);
}
Tensor operator*(double a, const Tensor& b) {
  return scale(b, a);
}
Tensor operator/(const Tensor& a, double b) {
  return scale(a, 1 / b);
}
Tensor operator/(double a, const Tensor& b) {
  return scale(reciprocal(b), a);
}
Tensor operator-(const Tensor& a) {
  return negative(a);
}

namespace cpu {

void unary(const Unary& operation, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    visit<T>(UnaryFunctions{}, operation.function, operation.parameters, [&](auto function) {
      map<T>(
          x.elements(), [=](Vector<T> v) { return function.value(v); }, y.mutable_data<T>(), x.data<T>());
    });
  });
}

void unary_backward(const Unary& operation, const Tensor& x, const Tensor& y, const Tensor& dy,
                    const Tensor& dx) {
  visit_float(y.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    const T *out = y.data<T>(), *arrived = dy.data<T>();
    T* to = dx.mutable_data<T>();
    visit<T>(UnaryFunctions{}, operation.function, operation.parameters, [&](auto function) {
      if constexpr (from_output<decltype(function), T>)
        map<T>(
            y.elements(), [=](Vector<T> v, Vector<T> d) { return d * function.derivative(v); }, to, out,
            arrived);
      else
        map<T>(
            y.elements(),
            [=](Vector<T> v, Vector<T> u, Vector<T> d) { return d * function.derivative(v, u); }, to,
            x.data<T>(), out, arrived);
    });
  });
}

}  // namespace cpu
}  // namespace manul
