#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' Adagrad (Duchi et al. 2011): accumulator += g²; p -= learning_rate * g / sqrt(accumulator +
/// epsilon).
struct AdagradOptions {
  static constexpr const char* class_name = "Adagrad";
  LearningRate learning_rate = 0.001;
  double initial_accumulator_value = 0.1;
  double epsilon = 1e-7;
  /// As Keras before 2.11 computes it: epsilon is outside the root.
  bool is_legacy = false;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("initial_accumulator_value", initial_accumulator_value);
    description.option("epsilon", epsilon);
  }
  std::vector<OptimizerSlot> slots() const {
    return {{"accumulator", "accumulator", 0, initial_accumulator_value}};
  }

  template <class T>
  struct Rule {
    static constexpr int slots = 1;
    T epsilon;
    bool epsilon_outside;

    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      slot[0] += gradient * gradient;
      value -=
          rate * gradient / (epsilon_outside ? std::sqrt(slot[0]) + epsilon : std::sqrt(slot[0] + epsilon));
    }
  };
  template <class T>
  Rule<T> rule() const {
    return {static_cast<T>(epsilon), is_legacy};
  }
};

using Adagrad = OptimizerOf<AdagradOptions>;

}  // namespace manul
