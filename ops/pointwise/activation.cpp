#include "manul/ops/pointwise/activation.h"

#include <algorithm>

#include "manul/ops/pointwise/activation_table.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

constexpr bool is_in_order() {
  int place = 0;
  return std::apply(
      [&](const auto&... entries) { return ((static_cast<int>(entries.activation) == place++) && ...); },
      pointwise::activation_table);
}
static_assert(is_in_order() && std::tuple_size_v<decltype(pointwise::activation_table)> ==
                                   static_cast<int>(Activation::hard_silu) + 1,
              "each activation has its line in the table");

bool knows(const pointwise::KerasNames& keras, int version) {
  return keras.first_version <= version && version <= keras.last_version;
}

}  // namespace

Tensor activate(const Tensor& x, Activation activation) {
  if (activation == Activation::linear) return x;
  Tensor y;
  pointwise::visit_activation(activation, [&](const auto& entry) {
    if constexpr (requires { entry.op; })
      y = entry.op(x);
    else
      y = unary({entry.index(), entry.parameters}, entry.keras.names[0], x);
  });
  return y;
}

std::string name_of(Activation activation) {
  std::string name;
  pointwise::visit_activation(activation, [&](const auto& entry) { name = entry.keras.names[0]; });
  return name;
}

std::optional<Activation> find_activation(std::string_view name, int keras_version) {
  std::optional<Activation> found;
  for (Activation activation : all_activations())
    pointwise::visit_activation(activation, [&](const auto& entry) {
      const auto& names = entry.keras.names;
      if (!name.empty() && knows(entry.keras, keras_version) && std::ranges::count(names, name))
        found = activation;
    });
  return found;
}

bool is_in_keras(Activation activation, int keras_version) {
  bool known = false;
  pointwise::visit_activation(activation,
                              [&](const auto& entry) { known = knows(entry.keras, keras_version); });
  return known;
}

std::vector<Activation> all_activations() {
  return std::apply([](const auto&... entries) { return std::vector<Activation>{entries.activation...}; },
                    pointwise::activation_table);
}

}  // namespace manul
