#pragma once

#include <type_traits>

namespace manul {

/// A list of structs of options.
template <class... Options>
struct OptionsList {
  /// Calls use(std::type_identity<Options>()) for each.
  template <class Use>
  static void for_each(const Use& use) {
    (use(std::type_identity<Options>()), ...);
  }
};

}  // namespace manul
