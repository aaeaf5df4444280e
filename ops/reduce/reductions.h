#pragma once

#include <cstdint>
#include <limits>

#include "manul/framework/host_device.h"
#include "manul/ops/reduce/reduce_axes.h"

// What reductions make of the elements of a line, for the CPU loops and the CUDA kernels: a total that begins
// at start(), to which term(x, place in the line, line) is joined. Joining is associative.
namespace manul::reductions {

template <class T>
struct Sum {
  using Total = double;
  MANUL_HOST_DEVICE Total start() const { return 0; }
  MANUL_HOST_DEVICE Total term(T x, int64_t, int64_t) const { return x; }
  MANUL_HOST_DEVICE Total join(Total a, Total b) const { return a + b; }
};

template <class T>
struct Product {
  using Total = double;
  MANUL_HOST_DEVICE Total start() const { return 1; }
  MANUL_HOST_DEVICE Total term(T x, int64_t, int64_t) const { return x; }
  MANUL_HOST_DEVICE Total join(Total a, Total b) const { return a * b; }
};

/// Whether b takes the place of a; a NaN takes every place and keeps it.
template <bool largest, class T>
MANUL_HOST_DEVICE bool beats(T b, T a) {
  return (largest ? b > a : b < a) || (b != b && a == a);
}

template <class T, bool largest>
struct Extreme {
  using Total = T;
  static constexpr T worst =
      largest ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  MANUL_HOST_DEVICE Total start() const { return worst; }
  MANUL_HOST_DEVICE Total term(T x, int64_t, int64_t) const { return x; }
  MANUL_HOST_DEVICE Total join(Total a, Total b) const { return beats<largest>(b, a) ? b : a; }
};

template <class T>
struct Place {
  T value;
  int64_t index;
};

template <class T, bool largest>
struct ArgExtreme {
  using Total = Place<T>;
  MANUL_HOST_DEVICE Total start() const {
    return {Extreme<T, largest>::worst, std::numeric_limits<int64_t>::max()};
  }
  MANUL_HOST_DEVICE Total term(T x, int64_t place, int64_t) const { return {x, place}; }
  MANUL_HOST_DEVICE Total join(const Total& a, const Total& b) const {
    if (beats<largest>(b.value, a.value)) return b;
    if (beats<largest>(a.value, b.value)) return a;
    return b.index < a.index ? b : a;  // equal
  }
};

/// How many elements of the line equal its result.
template <class T>
struct Ties {
  using Total = int64_t;
  const T* result;
  MANUL_HOST_DEVICE Total start() const { return 0; }
  MANUL_HOST_DEVICE Total term(T x, int64_t, int64_t line) const { return x == result[line] ? 1 : 0; }
  MANUL_HOST_DEVICE Total join(Total a, Total b) const { return a + b; }
};

/// Calls use(function) with the reduction's function on numbers of type T.
template <class T, class Use>
void visit(Reduction reduction, Use&& use) {
  switch (reduction) {
    case Reduction::sum:
      return use(Sum<T>{});
    case Reduction::product:
      return use(Product<T>{});
    case Reduction::largest:
      return use(Extreme<T, true>{});
    case Reduction::smallest:
      return use(Extreme<T, false>{});
  }
}

}  // namespace manul::reductions
