#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// Activations by Keras' names. softmax runs over the last axis; all others element by element.
enum class Activation { linear, relu, sigmoid, tanh, softmax };

/// Elementwise arithmetic on f32 or f64. `b` has the shape of `a`, or one element, or a shape equal to the
/// last axes of `a` (a bias [C] with an image [N, H, W, C]), along which it is repeated. Throws if neither
/// fits.
Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
/// x * factor + offset
Tensor scale(const Tensor& x, double factor, double offset = 0);

/// Elementwise functions of one tensor.
Tensor negative(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor square(const Tensor& x);
/// max(x, 0); the gradient at 0 is 0.
Tensor relu(const Tensor& x);
/// 1 / (1 + exp(-x)), without overflow on either side.
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);
/// exp(x - max) / sum over the last axis.
Tensor softmax(const Tensor& x);
/// The activation by its name; linear returns x itself.
Tensor activate(const Tensor& x, Activation activation);

enum class Binary { add, subtract, multiply, divide };
enum class Unary { negative, exp, log, sqrt, square, relu, sigmoid, tanh };

/// y = a (op) b, where b repeats every b.elements() elements.
MANUL_KERNEL(binary, void(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y));
/// da and db (either may be undefined: not wanted) from dy. db is summed over its repetitions in a fixed
/// order.
MANUL_KERNEL(binary_backward, void(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy,
                                   const Tensor& da, const Tensor& db));
MANUL_KERNEL(unary, void(Unary operation, const Tensor& x, const Tensor& y));
/// dx from the input, the output and dy.
MANUL_KERNEL(unary_backward,
             void(Unary operation, const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx));
MANUL_KERNEL(scale, void(const Tensor& x, double factor, double offset, const Tensor& y));
MANUL_KERNEL(softmax, void(const Tensor& x, const Tensor& y));
MANUL_KERNEL(softmax_backward, void(const Tensor& y, const Tensor& dy, const Tensor& dx));

}  // namespace manul
