#pragma once

#include <array>
#include <string_view>
#include <type_traits>

#include "manul/framework/error.h"
#include "manul/framework/host_device.h"

namespace manul::pointwise {

/// Functions of numbers of type T, each a template over T: Exp<float>, Exp<double>.
template <template <class> class... Functions>
struct FunctionList {};

/// The place of F in the list.
template <template <class> class F, template <class> class... Functions>
constexpr int index_in(FunctionList<Functions...>) {
  int index = 0;
  bool found = ((std::is_same_v<F<float>, Functions<float>> || (++index, false)) || ...);
  return found ? index : throw "not in the list";
}

inline constexpr int most_parameters = 3;
using Parameters = std::array<double, most_parameters>;

/// F with its members, in their order, from the first parameters.
template <class F, class T>
MANUL_HOST_DEVICE constexpr F make_function(const Parameters& p) {
  auto at = [&](int i) { return static_cast<T>(p[i]); };
  if constexpr (requires { F{T(), T(), T()}; })
    return F{at(0), at(1), at(2)};
  else if constexpr (requires { F{T(), T()}; })
    return F{at(0), at(1)};
  else if constexpr (requires { F{T()}; })
    return F{at(0)};
  else
    return F{};
}

/// Calls use(F<T>{...}) with the function at place `index` of the list.
template <class T, class Use, template <class> class... Functions>
void visit(FunctionList<Functions...>, int index, const Parameters& parameters, Use&& use) {
  int place = 0;
  bool found = ((place++ == index && (use(make_function<Functions<T>, T>(parameters)), true)) || ...);
  check(found, "pointwise: there is no function {}", index);
}

/// Whether the derivative can be had from the output alone: then it is derivative(y), otherwise
/// derivative(x, y).
template <class F, class T>
inline constexpr bool from_output = requires(F f, T y) {
  f.derivative(y);
};

template <class F, class X>
MANUL_HOST_DEVICE X derivative_of(const F& function, X x, X y) {
  if constexpr (from_output<F, X>)
    return function.derivative(y);
  else
    return function.derivative(x, y);
}

}  // namespace manul::pointwise
