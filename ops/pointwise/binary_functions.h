#pragma once

#include "manul/framework/math.h"
#include "manul/ops/pointwise/function_list.h"

// The functions of two numbers, as in unary_functions.h: a name, value(a, b) and the derivatives by either.
// A derivative of 1 may be said by `passes_a`, `passes_b`: the gradient is then passed on as it is.
namespace manul::pointwise {

template <class T>
struct Add {
  static constexpr const char* name = "add";
  static constexpr bool passes_a = true, passes_b = true;
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return a + b;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_a(X, X) const {
    return Math<X>::every(T(1));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_b(X, X) const {
    return Math<X>::every(T(1));
  }
};

template <class T>
struct Subtract {
  static constexpr const char* name = "subtract";
  static constexpr bool passes_a = true, passes_b = false;
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return a - b;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_a(X, X) const {
    return Math<X>::every(T(1));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_b(X, X) const {
    return Math<X>::every(T(-1));
  }
};

template <class T>
struct Multiply {
  static constexpr const char* name = "multiply";
  static constexpr bool passes_a = false, passes_b = false;
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return a * b;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_a(X, X b) const {
    return b;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_b(X a, X) const {
    return a;
  }
};

template <class T>
struct Divide {
  static constexpr const char* name = "divide";
  static constexpr bool passes_a = false, passes_b = false;
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return a / b;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_a(X, X b) const {
    return T(1) / b;
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_b(X a, X b) const {
    return -a / (b * b);
  }
};

/// Of equal numbers the first one has the whole gradient.
template <class T>
struct Maximum {
  static constexpr const char* name = "maximum";
  static constexpr bool passes_a = false, passes_b = false;
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(a < b, b, a);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_a(X a, X b) const {
    return Math<X>::select(a < b, T(0), T(1));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_b(X a, X b) const {
    return Math<X>::select(a < b, T(1), T(0));
  }
};

template <class T>
struct Minimum {
  static constexpr const char* name = "minimum";
  static constexpr bool passes_a = false, passes_b = false;
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(b < a, b, a);
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_a(X a, X b) const {
    return Math<X>::select(b < a, T(0), T(1));
  }
  template <class X>
  MANUL_HOST_DEVICE X derivative_b(X a, X b) const {
    return Math<X>::select(b < a, T(1), T(0));
  }
};

/// The table: kernels on both devices have what is in it.
using BinaryFunctions = FunctionList<Add, Subtract, Multiply, Divide, Maximum, Minimum>;

template <template <class> class F>
inline constexpr int binary_place = index_in<F>(BinaryFunctions{});

}  // namespace manul::pointwise
