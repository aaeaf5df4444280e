#pragma once

#include <cmath>
#include <type_traits>

#include "manul/framework/host_device.h"

namespace manul {

/// The elementary functions of X: a number, on both devices, or a vector of numbers on the CPU
/// (framework/cpu/eigen.h). What is written with it once serves both.
template <class X>
struct Math {
  using Number = X;
  MANUL_HOST_DEVICE static X exp(X x) { return std::exp(x); }
  /// exp(x) - 1 and log(1 + x), exact near 0.
  MANUL_HOST_DEVICE static X expm1(X x) { return std::expm1(x); }
  MANUL_HOST_DEVICE static X log(X x) { return std::log(x); }
  MANUL_HOST_DEVICE static X log1p(X x) { return std::log1p(x); }
  MANUL_HOST_DEVICE static X sqrt(X x) { return std::sqrt(x); }
  MANUL_HOST_DEVICE static X tanh(X x) { return std::tanh(x); }
  MANUL_HOST_DEVICE static X erf(X x) { return std::erf(x); }
  MANUL_HOST_DEVICE static X pow(X x, X exponent) { return std::pow(x, exponent); }

  /// `condition ? a : b`, lane by lane; a and b are each an X or a Number.
  template <class Condition, class A, class B>
  MANUL_HOST_DEVICE static X select(Condition condition, A a, B b) {
    return condition ? every(a) : every(b);
  }
  MANUL_HOST_DEVICE static X abs(X x) { return select(x < Number(0), -x, x); }

  /// `value` in every lane.
  MANUL_HOST_DEVICE static X every(X value) { return value; }
};

}  // namespace manul
