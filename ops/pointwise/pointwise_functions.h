#pragma once

#include <cmath>

#include "manul/framework/host_device.h"
#include "manul/ops/pointwise/pointwise.h"

// The elementwise functions, written once for the CPU loops and the CUDA kernels. A function of one number
// has value(x) and derivative(x, y) with y = value(x); one of two numbers has value(a, b) and the derivatives
// by either.
namespace manul::pointwise {

struct Negative {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return -x;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T, T) {
    return T(-1);
  }
};

struct Exp {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return std::exp(x);
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T, T y) {
    return y;
  }
};

struct Log {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return std::log(x);
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T x, T) {
    return T(1) / x;
  }
};

struct Sqrt {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return std::sqrt(x);
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T, T y) {
    return T(0.5) / y;
  }
};

struct Square {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return x * x;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T x, T) {
    return x + x;
  }
};

/// The derivative is 0 at 0, as in Keras. NaN stays NaN.
struct Relu {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return x < T(0) ? T(0) : x;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T, T y) {
    return y > T(0) ? T(1) : T(0);
  }
};

/// exp of a negative number only, so that neither side overflows.
struct Sigmoid {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    T e = std::exp(x < T(0) ? x : -x);
    return (x < T(0) ? e : T(1)) / (T(1) + e);
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T, T y) {
    return y * (T(1) - y);
  }
};

struct Tanh {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return std::tanh(x);
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T, T y) {
    return T(1) - y * y;
  }
};

struct Linear {
  template <class T>
  MANUL_HOST_DEVICE static T value(T x) {
    return x;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative(T, T) {
    return T(1);
  }
};

struct Add {
  template <class T>
  MANUL_HOST_DEVICE static T value(T a, T b) {
    return a + b;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_a(T, T) {
    return T(1);
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_b(T, T) {
    return T(1);
  }
};

struct Subtract {
  template <class T>
  MANUL_HOST_DEVICE static T value(T a, T b) {
    return a - b;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_a(T, T) {
    return T(1);
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_b(T, T) {
    return T(-1);
  }
};

struct Multiply {
  template <class T>
  MANUL_HOST_DEVICE static T value(T a, T b) {
    return a * b;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_a(T, T b) {
    return b;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_b(T a, T) {
    return a;
  }
};

struct Divide {
  template <class T>
  MANUL_HOST_DEVICE static T value(T a, T b) {
    return a / b;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_a(T, T b) {
    return T(1) / b;
  }
  template <class T>
  MANUL_HOST_DEVICE static T derivative_b(T a, T b) {
    return -a / (b * b);
  }
};

/// Calls visitor(F{}) with the function that `operation` names.
template <class Visitor>
decltype(auto) visit(Unary operation, Visitor&& visitor) {
  switch (operation) {
    case Unary::negative:
      return visitor(Negative{});
    case Unary::exp:
      return visitor(Exp{});
    case Unary::log:
      return visitor(Log{});
    case Unary::sqrt:
      return visitor(Sqrt{});
    case Unary::square:
      return visitor(Square{});
    case Unary::relu:
      return visitor(Relu{});
    case Unary::sigmoid:
      return visitor(Sigmoid{});
    case Unary::tanh:
      return visitor(Tanh{});
  }
  fail(ErrorKind::failed, "unary: unknown operation");
}

template <class Visitor>
decltype(auto) visit(Binary operation, Visitor&& visitor) {
  switch (operation) {
    case Binary::add:
      return visitor(Add{});
    case Binary::subtract:
      return visitor(Subtract{});
    case Binary::multiply:
      return visitor(Multiply{});
    case Binary::divide:
      return visitor(Divide{});
  }
  fail(ErrorKind::failed, "binary: unknown operation");
}

/// The activations that work element by element; softmax does not.
template <class Visitor>
decltype(auto) visit(Activation activation, Visitor&& visitor) {
  switch (activation) {
    case Activation::linear:
      return visitor(Linear{});
    case Activation::relu:
      return visitor(Relu{});
    case Activation::sigmoid:
      return visitor(Sigmoid{});
    case Activation::tanh:
      return visitor(Tanh{});
    case Activation::softmax:
      break;
  }
  fail(ErrorKind::failed, "softmax: not an elementwise activation");
}

}  // namespace manul::pointwise
