#pragma once

#include <array>

#include "manul/framework/initializers/initializer_of.h"

namespace manul {

/// Keras' Zeros.
struct Zeros {
  static constexpr const char* class_name = "Zeros";
  static constexpr std::array aliases{"zero"};

  void describe(auto& /*description*/) {}
  std::vector<double> operator()(Drawing& drawing) const {
    return drawing.each([] { return 0.0; });
  }
};

/// Keras' Ones.
struct Ones {
  static constexpr const char* class_name = "Ones";
  static constexpr std::array aliases{"one"};

  void describe(auto& /*description*/) {}
  std::vector<double> operator()(Drawing& drawing) const {
    return drawing.each([] { return 1.0; });
  }
};

/// Keras' Constant.
struct Constant {
  static constexpr const char* class_name = "Constant";
  static constexpr std::array aliases{"ConstantInitializer"};
  double value = 0;

  void describe(auto& description) { description.option("value", value); }
  std::vector<double> operator()(Drawing& drawing) const {
    return drawing.each([this] { return value; });
  }
};

}  // namespace manul
