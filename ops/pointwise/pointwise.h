#pragma once

#include "manul/framework/kernel.h"
#include "manul/ops/pointwise/activation.h"
#include "manul/ops/pointwise/binary_functions.h"
#include "manul/ops/pointwise/softmax.h"
#include "manul/ops/pointwise/unary_functions.h"

namespace manul {

/// Arithmetic as operators. A number on one side stands for every element.
inline Tensor operator+(const Tensor& a, const Tensor& b) {
  return add(a, b);
}
inline Tensor operator-(const Tensor& a, const Tensor& b) {
  return subtract(a, b);
}
inline Tensor operator*(const Tensor& a, const Tensor& b) {
  return multiply(a, b);
}
inline Tensor operator/(const Tensor& a, const Tensor& b) {
  return divide(a, b);
}
Tensor operator+(const Tensor& a, double b);
Tensor operator+(double a, const Tensor& b);
Tensor operator-(const Tensor& a, double b);
Tensor operator-(double a, const Tensor& b);
Tensor operator*(const Tensor& a, double b);
Tensor operator*(double a, const Tensor& b);
Tensor operator/(const Tensor& a, double b);
Tensor operator/(double a, const Tensor& b);
Tensor operator-(const Tensor& a);

/// The values as another dtype: from any to f32, f64 or bf16. The gradient is cast back; none flows to
/// integers.
Tensor cast(const Tensor& x, DType dtype);

}  // namespace manul
