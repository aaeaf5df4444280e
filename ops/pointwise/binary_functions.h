#pragma once

#include <optional>

#include "manul/framework/kernel.h"
#include "manul/framework/math.h"
#include "manul/ops/pointwise/function_list.h"

// The functions of two numbers, as in unary_functions.h: a name, value(a, b) and the derivatives by either,
// or none if there is no gradient. A derivative of 1 may be said by `passes_a`, `passes_b`: the gradient is
// then passed on as it is. The functions of tensors are at the end.
namespace manul {

/// A function of the table by its place.
struct Binary {
  int function = 0;
};
/// y = a (op) b with its gradients, by the rule of shapes below.
Tensor binary(Binary operation, const Tensor& a, const Tensor& b);
Tensor binary(Binary operation, const Tensor& a, double b);

/// How the elements of b go with those of a: [groups, 1, period] with [groups, rows, period].
struct Repetition {
  int64_t groups, rows, period;
};
/// By the rule of shapes below; nothing if they do not fit.
std::optional<Repetition> repetition_of(const Shape& a, const Shape& b);

/// y = a (op) b; the shapes have a Repetition.
MANUL_KERNEL_TAKING_BF16(on_cuda, binary,
                         void(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y));
/// da and db (either may be undefined: not wanted) from dy. db is summed over its repetitions in a fixed
/// order.
MANUL_KERNEL_TAKING_BF16(on_cuda, binary_backward,
                         void(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy,
                              const Tensor& da, const Tensor& db));

namespace pointwise {

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

// Comparisons: 1 where they hold, else 0; without a gradient. NaN is unequal to everything.

template <class T>
struct Equal {
  static constexpr const char* name = "equal";
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(a == b, T(1), T(0));
  }
};

template <class T>
struct NotEqual {
  static constexpr const char* name = "not_equal";
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(a != b, T(1), T(0));
  }
};

template <class T>
struct Greater {
  static constexpr const char* name = "greater";
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(a > b, T(1), T(0));
  }
};

template <class T>
struct GreaterEqual {
  static constexpr const char* name = "greater_equal";
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(a >= b, T(1), T(0));
  }
};

template <class T>
struct Less {
  static constexpr const char* name = "less";
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(a < b, T(1), T(0));
  }
};

template <class T>
struct LessEqual {
  static constexpr const char* name = "less_equal";
  template <class X>
  MANUL_HOST_DEVICE X value(X a, X b) const {
    return Math<X>::select(a <= b, T(1), T(0));
  }
};

/// The table: kernels on both devices have what is in it.
using BinaryFunctions = FunctionList<Add, Subtract, Multiply, Divide, Maximum, Minimum, Equal, NotEqual,
                                     Greater, GreaterEqual, Less, LessEqual>;

template <template <class> class F>
inline constexpr int binary_place = index_in<F>(BinaryFunctions{});

/// Whether a function of two numbers has derivatives.
template <class F, class T>
inline constexpr bool has_gradient = requires(F f, T a) {
  f.derivative_a(a, a);
};

}  // namespace pointwise

/// Elementwise arithmetic on f32 or f64. `b` has the shape of `a`, or one element, or a shape equal to the
/// last axes of `a` (a bias [C] with an image [N, H, W, C]), or the length 1 on neighbouring axes and that of
/// `a` on the others (a gate [N, 1, 1, C]), along which it is repeated. Throws if none fits.
inline Tensor add(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Add>}, a, b);
}
inline Tensor subtract(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Subtract>}, a, b);
}
inline Tensor multiply(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Multiply>}, a, b);
}
inline Tensor divide(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Divide>}, a, b);
}
/// The larger, the smaller of both; of equal elements that of `a` has the gradient.
inline Tensor maximum(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Maximum>}, a, b);
}
inline Tensor maximum(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::Maximum>}, a, b);
}
inline Tensor minimum(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Minimum>}, a, b);
}
inline Tensor minimum(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::Minimum>}, a, b);
}

/// Comparisons: 1 where they hold, else 0, of the dtype of `a`; without a gradient.
inline Tensor equal(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Equal>}, a, b);
}
inline Tensor equal(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::Equal>}, a, b);
}
inline Tensor not_equal(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::NotEqual>}, a, b);
}
inline Tensor not_equal(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::NotEqual>}, a, b);
}
inline Tensor greater(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Greater>}, a, b);
}
inline Tensor greater(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::Greater>}, a, b);
}
inline Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::GreaterEqual>}, a, b);
}
inline Tensor greater_equal(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::GreaterEqual>}, a, b);
}
inline Tensor less(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::Less>}, a, b);
}
inline Tensor less(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::Less>}, a, b);
}
inline Tensor less_equal(const Tensor& a, const Tensor& b) {
  return binary({pointwise::binary_place<pointwise::LessEqual>}, a, b);
}
inline Tensor less_equal(const Tensor& a, double b) {
  return binary({pointwise::binary_place<pointwise::LessEqual>}, a, b);
}

}  // namespace manul
