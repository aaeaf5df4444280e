#pragma once

#include <array>
#include <limits>

#include "manul/framework/kernel.h"
#include "manul/ops/pointwise/activation.h"
#include "manul/ops/pointwise/softmax.h"

namespace manul {

/// Elementwise arithmetic on f32 or f64. `b` has the shape of `a`, or one element, or a shape equal to the
/// last axes of `a` (a bias [C] with an image [N, H, W, C]), along which it is repeated. Throws if neither
/// fits.
Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
/// The larger, the smaller of both; of equal elements that of `a` has the gradient.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);

/// The same as operators. A number on one side stands for every element.
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

/// Elementwise functions of one tensor, f32 or f64.
Tensor negative(const Tensor& x);
/// x * factor + offset
Tensor scale(const Tensor& x, double factor, double offset = 0);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor square(const Tensor& x);
/// 1 / x
Tensor reciprocal(const Tensor& x);
Tensor pow(const Tensor& x, double exponent);
/// -1, 0 or 1, without a gradient.
Tensor sign(const Tensor& x);
/// The gradient at 0 is 0.
Tensor abs(const Tensor& x);
/// At least `low`, at most `high`; at both ends the gradient passes.
Tensor clip(const Tensor& x, double low, double high);

/// Keras' activations; slopes at corners are Keras' as well.
/// max(x, 0); the gradient at 0 is 0.
Tensor relu(const Tensor& x);
struct ReluOptions {
  double max_value = std::numeric_limits<double>::infinity();
  double negative_slope = 0;
  double threshold = 0;
};
/// x above the threshold, at most max_value; below it negative_slope * (x - threshold).
Tensor relu(const Tensor& x, const ReluOptions& options);
/// min(max(x, 0), 6)
Tensor relu6(const Tensor& x);
/// x, or slope * x where x is negative.
Tensor leaky_relu(const Tensor& x, double slope = 0.2);
/// x, or alpha * (exp(x) - 1) where x is negative.
Tensor elu(const Tensor& x, double alpha = 1);
/// 1.0507 * elu(x, 1.67326)
Tensor selu(const Tensor& x);
/// 1 / (1 + exp(-x)), without overflow on either side.
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);
/// log(1 + exp(x))
Tensor softplus(const Tensor& x);
/// x / (1 + |x|)
Tensor softsign(const Tensor& x);
/// x * sigmoid(x), also called swish.
Tensor silu(const Tensor& x);
/// x * tanh(softplus(x))
Tensor mish(const Tensor& x);
/// x times the normal law's distribution function, or its approximation by tanh.
Tensor gelu(const Tensor& x, bool approximate = false);
/// relu6(x + 3) / 6, Keras 3's. Keras 2's is Activation::hard_sigmoid_keras2.
Tensor hard_sigmoid(const Tensor& x);
/// x * hard_sigmoid(x)
Tensor hard_silu(const Tensor& x);

/// The values as another dtype: from any to f32 or f64. The gradient is cast back; none flows to integers.
Tensor cast(const Tensor& x, DType dtype);

/// A function of the table in ops/pointwise/unary_functions.h by its place, and its parameters.
struct Unary {
  int function = 0;
  std::array<double, 3> parameters{};
};
/// y = function(x) with its gradient; `name` is the op's in errors and on the tape.
Tensor unary(const Unary& operation, std::string_view name, const Tensor& x);

/// A function of the table in ops/pointwise/binary_functions.h by its place.
struct Binary {
  int function = 0;
};

/// y = a (op) b, where b repeats every b.elements() elements.
MANUL_KERNEL(binary, void(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y));
/// da and db (either may be undefined: not wanted) from dy. db is summed over its repetitions in a fixed
/// order.
MANUL_KERNEL(binary_backward, void(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy,
                                   const Tensor& da, const Tensor& db));
MANUL_KERNEL(unary, void(const Unary& operation, const Tensor& x, const Tensor& y));
/// dx from the input, the output and dy; where the derivative is had from the output alone, x is undefined,
/// where from the input alone or both, both are given.
MANUL_KERNEL(unary_backward, void(const Unary& operation, const Tensor& x, const Tensor& y, const Tensor& dy,
                                  const Tensor& dx));
MANUL_KERNEL(cast, void(const Tensor& x, const Tensor& y));

}  // namespace manul
