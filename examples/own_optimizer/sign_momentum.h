#pragma once

#include "manul/ops/optimizers/own_optimizer.h"

namespace mine {
using namespace manul;

/// m = beta * m + (1 - beta) * g, p -= learning_rate * sign(m): steps of one size.
struct SignMomentum {
  static constexpr const char* class_name = "Mine>SignMomentum";
  LearningRate learning_rate = 0.001;
  double beta = 0.9;

  void describe(auto& description) {
    description.option("learning_rate", learning_rate);
    description.option("beta", beta, from_to_below(0, 1));
  }
  std::vector<OptimizerSlot> slots() const { return {{"m", "m"}}; }

  /// What happens to one element, on the CPU and on the GPU.
  template <class T>
  struct Rule {
    static constexpr int slots = 1;
    T keep;
    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      slot[0] = keep * slot[0] + (1 - keep) * gradient;
      value -= slot[0] > 0 ? rate : slot[0] < 0 ? -rate : T(0);
    }
  };
  template <class T>
  Rule<T> rule() const {
    return {static_cast<T>(beta)};
  }
};
inline const OptimizerRegistration<SignMomentum> sign_momentum_registration;
}  // namespace mine
