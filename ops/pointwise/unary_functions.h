#pragma once

#include <limits>
#include <string_view>

#include "manul/framework/kernel.h"
#include "manul/framework/math.h"
#include "manul/ops/pointwise/function_list.h"

// The functions of one number, written once for the CPU (X: a vector of T) and CUDA (X: T itself), their
// table, and the functions of tensors at the end. A function has a name, value(x), and either derivative(y),
// if the derivative can be had from the output y alone, or derivative(x, y). Its parameters are its members.
// Slopes at corners are Keras'.
namespace manul {

/// A function of the table by its place, and its parameters.
struct Unary {
  int function = 0;
  pointwise::Parameters parameters{};
};
/// y = function(x) with its gradient; `name` is the op's in errors and on the tape.
Tensor unary(const Unary& operation, std::string_view name, const Tensor& x);
/// Whether its derivative is not had from the output alone.
bool derivative_needs_input(const Unary& operation);

MANUL_KERNEL_TAKING_BF16(on_cuda, unary, void(const Unary& operation, const Tensor& x, const Tensor& y));
/// dx from the input, the output and dy; where the derivative is had from the output alone, x is undefined,
/// where from the input alone or both, both are given.
MANUL_KERNEL_TAKING_BF16(on_cuda, unary_backward,
                         void(const Unary& operation, const Tensor& x, const Tensor& y, const Tensor& dy,
                              const Tensor& dx));

namespace pointwise {

template <class T>
struct Linear {
  static constexpr const char* name = "linear";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X) const {
    return Math<X>::every(T(1));
  }
};

template <class T>
struct Negative {
  static constexpr const char* name = "negative";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return -x;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X) const {
    return Math<X>::every(T(-1));
  }
};

template <class T>
struct Scale {
  static constexpr const char* name = "scale";
  T factor, offset;
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x * factor + offset;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X) const {
    return Math<X>::every(factor);
  }
};

template <class T>
struct Exp {
  static constexpr const char* name = "exp";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::exp(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return y;
  }
};

template <class T>
struct Log {
  static constexpr const char* name = "log";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::log(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return T(1) / x;
  }
};

template <class T>
struct Sqrt {
  static constexpr const char* name = "sqrt";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::sqrt(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return T(0.5) / y;
  }
};

template <class T>
struct Square {
  static constexpr const char* name = "square";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x * x;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return x + x;
  }
};

template <class T>
struct Reciprocal {
  static constexpr const char* name = "reciprocal";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return T(1) / x;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return -(y * y);
  }
};

/// x to the power of a constant.
template <class T>
struct Power {
  static constexpr const char* name = "pow";
  T exponent;
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::pow(x, Math<X>::every(exponent));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    if (exponent == T(0)) return Math<X>::every(T(0));  // not 0 * infinity, at 0
    return exponent * Math<X>::pow(x, Math<X>::every(exponent - T(1)));
  }
};

/// -1, 0 or 1; its derivative is 0.
template <class T>
struct Sign {
  static constexpr const char* name = "sign";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::select(x > T(0), T(1), Math<X>::select(x < T(0), T(-1), x));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X) const {
    return Math<X>::every(T(0));
  }
};

template <class T>
struct Abs {
  static constexpr const char* name = "abs";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::abs(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return Sign<T>{}.value(x);
  }
};

/// The gradient passes at both ends.
template <class T>
struct Clip {
  static constexpr const char* name = "clip";
  T low, high;
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::select(x < low, low, Math<X>::select(x > high, high, x));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return Math<X>::select((x >= low) & (x <= high), T(1), T(0));
  }
};

/// NaN stays NaN.
template <class T>
struct Relu {
  static constexpr const char* name = "relu";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::select(x < T(0), T(0), x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return Math<X>::select(y > T(0), T(1), T(0));
  }
};

template <class T>
struct Relu6 {
  static constexpr const char* name = "relu6";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::select(x < T(0), T(0), Math<X>::select(x > T(6), T(6), x));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return Math<X>::select((y > T(0)) & (y < T(6)), T(1), T(0));
  }
};

/// x above `threshold`, at most `maximum`; `slope` * (x - threshold) below. At exactly `maximum` the gradient
/// passes unless it is 6, as in Keras.
template <class T>
struct ReluWithOptions {
  static constexpr const char* name = "relu";
  T maximum, slope, threshold;
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    X above = Math<X>::select(x > maximum, maximum, x);
    return Math<X>::select(x > threshold, above, slope * (x - threshold));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    X above =
        maximum == T(6) ? Math<X>::select(x < maximum, T(1), T(0)) : Math<X>::select(x > maximum, T(0), T(1));
    bool plain = threshold == T(0) && maximum > T(3e38);  // a leaky relu, which has its slope at the corner
    X at_corner = Math<X>::select(x < threshold, slope, plain ? slope : T(0));
    return Math<X>::select(x > threshold, above, at_corner);
  }
};

template <class T>
struct LeakyRelu {
  static constexpr const char* name = "leaky_relu";
  T slope;
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::select(x > T(0), x, slope * x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return Math<X>::select(x > T(0), T(1), slope);
  }
};

template <class T>
struct Elu {
  static constexpr const char* name = "elu";
  T alpha;
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::select(x > T(0), x, alpha * Math<X>::expm1(x));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return Math<X>::select(y > T(0), T(1), y + alpha);
  }
};

template <class T>
struct Selu {
  static constexpr const char* name = "selu";
  static constexpr T scale = T(1.0507009873554804934193349852946),
                     alpha = T(1.6732632423543772848170429916717);
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return scale * Math<X>::select(x < T(0), alpha * Math<X>::expm1(x), x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return Math<X>::select(y < T(0), y + scale * alpha, scale);
  }
};

/// exp of a negative number only, so that neither side overflows.
template <class T>
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    X e = Math<X>::exp(-Math<X>::abs(x));
    return Math<X>::select(x < T(0), e, T(1)) / (T(1) + e);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return y * (T(1) - y);
  }
};

template <class T>
struct Tanh {
  static constexpr const char* name = "tanh";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::tanh(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X y) const {
    return T(1) - y * y;
  }
};

/// log(1 + exp(x))
template <class T>
struct Softplus {
  static constexpr const char* name = "softplus";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Math<X>::log1p(Math<X>::exp(-Math<X>::abs(x))) + Relu<T>{}.value(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return Sigmoid<T>{}.value(x);
  }
};

/// x / (1 + |x|)
template <class T>
struct Softsign {
  static constexpr const char* name = "softsign";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x / (T(1) + Math<X>::abs(x));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    X inverse = T(1) / (T(1) + Math<X>::abs(x));
    return inverse * inverse;
  }
};

/// x * sigmoid(x)
template <class T>
struct Silu {
  static constexpr const char* name = "silu";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x * Sigmoid<T>{}.value(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    X s = Sigmoid<T>{}.value(x);
    return s * (T(1) + x * (T(1) - s));
  }
};

/// x * tanh(softplus(x))
template <class T>
struct Mish {
  static constexpr const char* name = "mish";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x * Math<X>::tanh(Softplus<T>{}.value(x));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    X t = Math<X>::tanh(Softplus<T>{}.value(x));
    return t + x * Sigmoid<T>{}.value(x) * (T(1) - t * t);
  }
};

/// x * Phi(x) with Phi the distribution of the normal law.
template <class T>
struct Gelu {
  static constexpr const char* name = "gelu";
  template <class X>
  MANUL_HOST_DEVICE static X distribution(X x) {
    return T(0.5) * (T(1) + Math<X>::erf(x * T(0.70710678118654752440)));
  }
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x * distribution(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return distribution(x) + x * T(0.39894228040143267794) * Math<X>::exp(T(-0.5) * x * x);
  }
};

/// Its approximation x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))).
template <class T>
struct GeluTanh {
  static constexpr const char* name = "gelu_tanh";
  static constexpr T root = T(0.79788456080286535588), cubic = T(0.044715);
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return T(0.5) * x * (T(1) + Math<X>::tanh(root * (x + cubic * x * x * x)));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    X t = Math<X>::tanh(root * (x + cubic * x * x * x));
    return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * root * (T(1) + T(3) * cubic * x * x);
  }
};

/// Keras 3: relu6(x + 3) / 6.
template <class T>
struct HardSigmoid {
  static constexpr const char* name = "hard_sigmoid";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Relu6<T>{}.value(x + T(3)) / T(6);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return Math<X>::select((x > T(-3)) & (x < T(3)), T(1) / T(6), T(0));
  }
};

/// Keras 2: clip(0.2 x + 0.5, 0, 1).
template <class T>
struct HardSigmoidKeras2 {
  static constexpr const char* name = "hard_sigmoid_keras2";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return Clip<T>{T(0), T(1)}.value(T(0.2) * x + T(0.5));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X) const {
    return Math<X>::select((x >= T(-2.5)) & (x <= T(2.5)), T(0.2), T(0));
  }
};

/// x * relu6(x + 3) / 6
template <class T>
struct HardSilu {
  static constexpr const char* name = "hard_silu";
  template <class X>
  MANUL_HOST_DEVICE X value(X x) const {
    return x * HardSigmoid<T>{}.value(x);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative(X x, X y) const {
    return HardSigmoid<T>{}.value(x) + x * HardSigmoid<T>{}.derivative(x, y);
  }
};

/// The table: kernels on both devices have what is in it.
using UnaryFunctions =
    FunctionList<Linear, Negative, Scale, Exp, Log, Sqrt, Square, Reciprocal, Power, Sign, Abs, Clip, Relu,
                 Relu6, ReluWithOptions, LeakyRelu, Elu, Selu, Sigmoid, Tanh, Softplus, Softsign, Silu, Mish,
                 Gelu, GeluTanh, HardSigmoid, HardSigmoidKeras2, HardSilu>;

template <template <class> class F>
inline constexpr int unary_place = index_in<F>(UnaryFunctions{});

/// The function F of a tensor, with its gradient.
template <template <class> class F, class... Values>
Tensor apply(const Tensor& x, Values... parameters) {
  return manul::unary({unary_place<F>, {parameters...}}, F<float>::name, x);
}

}  // namespace pointwise

/// Elementwise functions of one tensor, f32 or f64.
inline Tensor negative(const Tensor& x) {
  return pointwise::apply<pointwise::Negative>(x);
}
/// x * factor + offset
Tensor scale(const Tensor& x, double factor, double offset = 0);
inline Tensor exp(const Tensor& x) {
  return pointwise::apply<pointwise::Exp>(x);
}
inline Tensor log(const Tensor& x) {
  return pointwise::apply<pointwise::Log>(x);
}
inline Tensor sqrt(const Tensor& x) {
  return pointwise::apply<pointwise::Sqrt>(x);
}
inline Tensor square(const Tensor& x) {
  return pointwise::apply<pointwise::Square>(x);
}
/// 1 / x
inline Tensor reciprocal(const Tensor& x) {
  return pointwise::apply<pointwise::Reciprocal>(x);
}
inline Tensor pow(const Tensor& x, double exponent) {
  return pointwise::apply<pointwise::Power>(x, exponent);
}
/// -1, 0 or 1, without a gradient.
inline Tensor sign(const Tensor& x) {
  return pointwise::apply<pointwise::Sign>(x);
}
/// The gradient at 0 is 0.
inline Tensor abs(const Tensor& x) {
  return pointwise::apply<pointwise::Abs>(x);
}
/// At least `low`, at most `high`; at both ends the gradient passes.
inline Tensor clip(const Tensor& x, double low, double high) {
  check(low <= high, "clip: the lower bound {} is above the upper bound {}", low, high);
  return pointwise::apply<pointwise::Clip>(x, low, high);
}

/// Keras' activations; slopes at corners are Keras' as well.
/// max(x, 0); the gradient at 0 is 0.
inline Tensor relu(const Tensor& x) {
  return pointwise::apply<pointwise::Relu>(x);
}
struct ReluOptions {
  double max_value = std::numeric_limits<double>::infinity();
  double negative_slope = 0;
  double threshold = 0;
};
/// x above the threshold, at most max_value; below it negative_slope * (x - threshold).
inline Tensor relu(const Tensor& x, const ReluOptions& options) {
  check(options.max_value >= options.threshold, "relu: max_value {} is below the threshold {}",
        options.max_value, options.threshold);
  return pointwise::apply<pointwise::ReluWithOptions>(x, options.max_value, options.negative_slope,
                                                      options.threshold);
}
/// min(max(x, 0), 6)
inline Tensor relu6(const Tensor& x) {
  return pointwise::apply<pointwise::Relu6>(x);
}
/// x, or slope * x where x is negative.
inline Tensor leaky_relu(const Tensor& x, double slope = 0.2) {
  return pointwise::apply<pointwise::LeakyRelu>(x, slope);
}
/// x, or alpha * (exp(x) - 1) where x is negative.
inline Tensor elu(const Tensor& x, double alpha = 1) {
  return pointwise::apply<pointwise::Elu>(x, alpha);
}
/// 1.0507 * elu(x, 1.67326)
inline Tensor selu(const Tensor& x) {
  return pointwise::apply<pointwise::Selu>(x);
}
/// 1 / (1 + exp(-x)), without overflow on either side.
inline Tensor sigmoid(const Tensor& x) {
  return pointwise::apply<pointwise::Sigmoid>(x);
}
inline Tensor tanh(const Tensor& x) {
  return pointwise::apply<pointwise::Tanh>(x);
}
/// log(1 + exp(x))
inline Tensor softplus(const Tensor& x) {
  return pointwise::apply<pointwise::Softplus>(x);
}
/// x / (1 + |x|)
inline Tensor softsign(const Tensor& x) {
  return pointwise::apply<pointwise::Softsign>(x);
}
/// x * sigmoid(x), also called swish.
inline Tensor silu(const Tensor& x) {
  return pointwise::apply<pointwise::Silu>(x);
}
/// x * tanh(softplus(x))
inline Tensor mish(const Tensor& x) {
  return pointwise::apply<pointwise::Mish>(x);
}
/// x times the normal law's distribution function, or its approximation by tanh.
inline Tensor gelu(const Tensor& x, bool approximate = false) {
  return approximate ? pointwise::apply<pointwise::GeluTanh>(x) : pointwise::apply<pointwise::Gelu>(x);
}
/// relu6(x + 3) / 6, Keras 3's. Keras 2's is Activation::hard_sigmoid_keras2.
inline Tensor hard_sigmoid(const Tensor& x) {
  return pointwise::apply<pointwise::HardSigmoid>(x);
}
/// x * hard_sigmoid(x)
inline Tensor hard_silu(const Tensor& x) {
  return pointwise::apply<pointwise::HardSilu>(x);
}

}  // namespace manul
