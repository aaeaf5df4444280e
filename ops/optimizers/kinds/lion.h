#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' Lion (Chen et al. 2023): p -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g);
/// m = beta_2 * m + (1 - beta_2) * g.
struct LionOptions {
  static constexpr const char* class_name = "Lion";
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.99;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("beta_1", beta_1);
    description.option("beta_2", beta_2);
  }
  std::vector<OptimizerSlot> slots() const { return {{"m", "momentum"}}; }

  template <class T>
  struct Rule {
    static constexpr int slots = 1;
    T keep_1, take_1, keep_2, take_2;

    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      T direction = slot[0] * keep_1 + gradient * take_1;
      value -= direction > 0 ? rate : direction < 0 ? -rate : T(0);
      slot[0] = slot[0] * keep_2 + gradient * take_2;
    }
  };
  template <class T>
  Rule<T> rule() const {
    return {static_cast<T>(beta_1), static_cast<T>(1 - beta_1), static_cast<T>(beta_2),
            static_cast<T>(1 - beta_2)};
  }
};

using Lion = OptimizerOf<LionOptions>;

}  // namespace manul
