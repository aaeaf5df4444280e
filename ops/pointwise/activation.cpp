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
  pointwise::visit_activation(activation, [&](const auto& entry) {
    if constexpr (requires { entry.op; })
      name = entry.keras.names[0];
    else
      name = entry.keras.knows(3) ? entry.keras.names[0] : entry.name();
  });
  return name;
}

std::optional<Activation> find_activation(std::string_view name) {
  for (Activation activation : all_activations())
    if (name_of(activation) == name) return activation;
  return std::nullopt;
}

std::optional<Activation> find_activation(std::string_view name, int keras_version) {
  std::optional<Activation> found;
  for (Activation activation : all_activations())
    pointwise::visit_activation(activation, [&](const auto& entry) {
      const auto& names = entry.keras.names;
      if (!name.empty() && entry.keras.knows(keras_version) && std::ranges::count(names, name))
        found = activation;
    });
  return found;
}

std::optional<std::string> keras_name(Activation activation, int keras_version) {
  std::optional<std::string> name;
  pointwise::visit_activation(activation, [&](const auto& entry) {
    if (entry.keras.knows(keras_version)) name = entry.keras.written_by(keras_version);
  });
  return name;
}

std::vector<Activation> all_activations() {
  return std::apply([](const auto&... entries) { return std::vector<Activation>{entries.activation...}; },
                    pointwise::activation_table);
}

}  // namespace manul
