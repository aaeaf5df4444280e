#pragma once

// The only file that includes Eigen; for .cpp files of the library alone, never in a public header.

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#include <array>
#include <cstring>
#include <unsupported/Eigen/SpecialFunctions>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/vector.h"
#include "manul/framework/math.h"

namespace manul {
namespace cpu::detail {

template <class T>
struct LaneMath {
  using Number = T;
  using X = Vector<T>;

  /// function(number) for each lane.
  template <class Function>
  static X each(X x, Function function) {
    for (int i = 0; i < lanes<T>; ++i) x[i] = function(x[i]);
    return x;
  }
  static X sqrt(X x) {
    return each(x, [](T number) { return std::sqrt(number); });
  }
  static X pow(X x, X exponent) {
    for (int i = 0; i < lanes<T>; ++i) x[i] = std::pow(x[i], exponent[i]);
    return x;
  }

  static X every(X value) { return value; }
  static X every(T value) { return broadcast(value); }
  template <class Condition, class A, class B>
  static X select(Condition condition, A a, B b) {
    return condition ? every(a) : every(b);
  }
  static X abs(X x) { return select(x < T(0), -x, x); }
};

}  // namespace cpu::detail

/// f32: Eigen's functions, right to 4e-7 of the result (tests/ops/pointwise/accuracy_test.cpp).
template <>
struct Math<cpu::Vector<float>> : cpu::detail::LaneMath<float> {
  using Lanes = Eigen::Array<float, cpu::lanes<float>, 1>;

  template <class Function>
  [[gnu::always_inline]] static X by_eigen(X x, Function function) {
    Lanes in, out;
    std::memcpy(in.data(), &x, sizeof x);
    out = function(in);
    std::memcpy(&x, out.data(), sizeof x);
    return x;
  }

  /// Eigen 3.4's ends at 88.37 and -87.3 instead of 88.72 and -103.9: there the number is shifted, exactly,
  /// and the result multiplied by what that takes away.
  static X exp(X x) {
    constexpr float up = 0.6875f, down = -16;
    auto high = x > 80.0f, low = x < -80.0f;
    X shift = select(high, up, select(low, down, 0.0f));
    X factor = select(high, 1.98873746f, select(low, 1.12535175e-7f, 1.0f));
    return by_eigen(x - shift, [](const Lanes& in) { return in.exp(); }) * factor;
  }
  static X expm1(X x) {
    // Far from 0 by exp, which has the whole range.
    X near = by_eigen(x, [](const Lanes& in) { return in.expm1(); });
    return select(abs(x) > 1.0f, exp(x) - 1.0f, near);
  }
  static X log(X x) {
    return by_eigen(x, [](const Lanes& in) { return in.log(); });
  }
  static X log1p(X x) {
    return by_eigen(x, [](const Lanes& in) { return in.log1p(); });
  }
  static X tanh(X x) {
    return by_eigen(x, [](const Lanes& in) { return in.tanh(); });
  }
  static X erf(X x) {
    return by_eigen(x, [](const Lanes& in) { return in.erf(); });
  }
};

/// f64, which is for checks: the C library's functions.
template <>
struct Math<cpu::Vector<double>> : cpu::detail::LaneMath<double> {
  static X exp(X x) {
    return each(x, [](double number) { return std::exp(number); });
  }
  static X expm1(X x) {
    return each(x, [](double number) { return std::expm1(number); });
  }
  static X log(X x) {
    return each(x, [](double number) { return std::log(number); });
  }
  static X log1p(X x) {
    return each(x, [](double number) { return std::log1p(number); });
  }
  static X tanh(X x) {
    return each(x, [](double number) { return std::tanh(number); });
  }
  static X erf(X x) {
    return each(x, [](double number) { return std::erf(number); });
  }
};

namespace cpu {

/// to[i] = function(from[i]...) for i in [0, count), in vectors: function takes and returns Vector<T>. Every
/// element goes through the same instructions, wherever it lies and whatever stands beside it.
template <class T, class Function, class... From>
[[gnu::always_inline]] inline void map_range(int64_t count, const Function& function, T* to,
                                             const From*... from) {
  int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(to + i, function(load(from + i)...));
  if (i < count) store_part(to + i, function(load_part(from + i, count - i)...), count - i);
}

namespace detail {
template <class T>
void add(Vector<T>& sum, Vector<T> value) {
  sum += value;
}
template <class T, size_t count>
void add(std::array<Vector<T>, count>& sums, const std::array<Vector<T>, count>& values) {
  for (size_t k = 0; k < count; ++k) sums[k] += values[k];
}
template <class T>
Vector<T> first_of(Vector<T> value, int64_t count) {
  T first[lanes<T>] = {};
  store_part(first, value, count);
  return load(first);
}
template <class T, size_t sums>
std::array<Vector<T>, sums> first_of(std::array<Vector<T>, sums> values, int64_t count) {
  for (Vector<T>& value : values) value = first_of<T>(value, count);
  return values;
}
template <class T>
T total(Vector<T> sum) {
  return sum_of_lanes<T>(sum);
}
template <class T, size_t count>
std::array<T, count> total(const std::array<Vector<T>, count>& sums) {
  std::array<T, count> totals;
  for (size_t k = 0; k < count; ++k) totals[k] = sum_of_lanes<T>(sums[k]);
  return totals;
}
}  // namespace detail

/// The sum of function(from[i]...) for i in [0, count), or the sums where function gives a std::array of
/// vectors: a sum a lane, then those of the lanes.
template <class T, class Function, class... From>
[[gnu::always_inline]] inline auto sum_range(int64_t count, const Function& function, const From*... from) {
  decltype(function(load(from)...)) sum{};
  int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) detail::add<T>(sum, function(load(from + i)...));
  if (i < count)
    detail::add<T>(sum, detail::first_of<T>(function(load_part(from + i, count - i)...), count - i));
  return detail::total<T>(sum);
}

/// The largest of `count` numbers, at least one.
template <class T>
T largest(int64_t count, const T* from) {
  return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(from, count).maxCoeff();
}

/// map_range over all threads.
template <class T, class Function, class... From>
void map(int64_t count, const Function& function, T* to, const From*... from) {
  constexpr int64_t grain = 1 << 14;
  parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    map_range(end - begin, function, to + begin, (from + begin)...);
  });
}

}  // namespace cpu
}  // namespace manul
