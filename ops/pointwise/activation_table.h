#pragma once

#include <tuple>

#include "manul/ops/pointwise/activation.h"
#include "manul/ops/pointwise/softmax.h"
#include "manul/ops/pointwise/unary_functions.h"

namespace manul::pointwise {

/// Keras' names, the one that Keras 3 writes first and the one that Keras 2 writes last, and the versions
/// that know them.
struct KerasNames {
  std::array<std::string_view, 3> names;
  int first_version = 2, last_version = 99;

  constexpr bool knows(int version) const { return first_version <= version && version <= last_version; }
  constexpr std::string_view written_by(int version) const {
    if (version >= 3 || names[1].empty()) return names[0];
    return names[2].empty() ? names[1] : names[2];
  }
};

/// An activation that works element by element: Function with `parameters`.
template <Activation which, template <class> class Function>
struct Elementwise {
  static constexpr Activation activation = which;
  KerasNames keras;
  Parameters parameters = {};

  template <class T>
  using Of = Function<T>;
  static constexpr int index() { return unary_place<Function>; }
  static constexpr std::string_view name() { return Function<float>::name; }
  static constexpr bool from_output = pointwise::from_output<Function<float>, float>;
};

/// One that is an op of its own.
template <Activation which>
struct OpActivation {
  static constexpr Activation activation = which;
  KerasNames keras;
  Tensor (*op)(const Tensor& x);
};

/// The table of activations, in the order of their enumeration: one line each. Where a derivative can be had
/// from the output alone the function says so itself (unary_functions.h).
using A = Activation;
inline constexpr std::tuple activation_table{
    Elementwise<A::linear, Linear>{{{"linear"}}},
    Elementwise<A::relu, Relu>{{{"relu"}}},
    Elementwise<A::sigmoid, Sigmoid>{{{"sigmoid"}}},
    Elementwise<A::tanh, Tanh>{{{"tanh"}}},
    OpActivation<A::softmax>{{{"softmax"}}, softmax},
    OpActivation<A::log_softmax>{{{"log_softmax"}}, log_softmax},
    Elementwise<A::relu6, Relu6>{{{"relu6"}}},
    Elementwise<A::leaky_relu, LeakyRelu>{{{"leaky_relu"}}, {0.2}},
    Elementwise<A::elu, Elu>{{{"elu"}}, {1}},
    Elementwise<A::selu, Selu>{{{"selu"}}},
    Elementwise<A::exponential, Exp>{{{"exponential"}}},
    Elementwise<A::softplus, Softplus>{{{"softplus"}}},
    Elementwise<A::softsign, Softsign>{{{"softsign"}}},
    Elementwise<A::silu, Silu>{{{"silu", "swish"}}},
    Elementwise<A::mish, Mish>{{{"mish"}}},
    Elementwise<A::gelu, Gelu>{{{"gelu"}}},
    Elementwise<A::gelu_tanh, GeluTanh>{{{"gelu_tanh"}, 0, 0}},  // gelu(x, approximate=True): it has no name
    Elementwise<A::hard_sigmoid, HardSigmoid>{{{"hard_sigmoid"}, 3}},
    Elementwise<A::hard_sigmoid_keras2, HardSigmoidKeras2>{{{"hard_sigmoid"}, 2, 2}},
    Elementwise<A::hard_silu, HardSilu>{{{"hard_silu", "hard_swish"}, 3}},
};

/// Some of them: those that a fused op computes itself.
template <Activation... activations>
struct ActivationList {};

template <Activation... activations>
constexpr bool is_in(ActivationList<activations...>, Activation activation) {
  return ((activations == activation) || ...);
}

template <Activation activation>
using ActivationEntry =
    std::tuple_element_t<static_cast<int>(activation), std::remove_const_t<decltype(activation_table)>>;

/// The function of an activation that works element by element.
template <Activation activation, class T>
MANUL_HOST_DEVICE constexpr auto activation_function() {
  constexpr Parameters parameters = std::get<static_cast<int>(activation)>(activation_table).parameters;
  return make_function<typename ActivationEntry<activation>::template Of<T>, T>(parameters);
}

/// Calls use(F{}) with the function of one of the list; `what` computes no other.
template <class T, class Use, Activation... activations>
void visit_listed(const char* what, Activation activation, Use&& use, ActivationList<activations...>) {
  bool found = ((activations == activation && (use(activation_function<activations, T>()), true)) || ...);
  check(found, "{}: the activation {} is not computed by its kernels", what, name_of(activation));
}

/// Calls use(entry) with the entry of `activation`.
template <class Use>
void visit_activation(Activation activation, Use&& use) {
  auto try_entries = [&](const auto&... entries) {
    return ((entries.activation == activation && (use(entries), true)) || ...);
  };
  check(std::apply(try_entries, activation_table), "there is no activation {}", static_cast<int>(activation));
}

}  // namespace manul::pointwise
