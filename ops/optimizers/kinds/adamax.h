#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' Adamax (Kingma and Ba 2015): m is a running mean of g, u = max(beta_2 * u, |g|),
/// p -= learning_rate * m / ((1 - beta_1^t) * (u + epsilon)).
struct AdamaxOptions {
  static constexpr const char* class_name = "Adamax";
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("beta_1", beta_1);
    description.option("beta_2", beta_2);
    description.option("epsilon", epsilon);
  }
  std::vector<OptimizerSlot> slots() const { return {{"m", "momentum"}, {"u", "norm"}}; }

  template <class T>
  struct Rule {
    static constexpr int slots = 2;
    struct Prepared {
      T rate, correction;
    };
    Power beta_1;
    T take_1, keep_2, epsilon;

    MANUL_HOST_DEVICE Prepared prepare(const UpdateStep<T>& step) const {
      return {step.learning_rate, T(1) - beta_1.raised<T>(step.number)};
    }
    MANUL_HOST_DEVICE void operator()(const Prepared& step, T gradient, T& value, T* slot) const {
      slot[0] += (gradient - slot[0]) * take_1;
      T kept = slot[1] * keep_2, size = gradient < 0 ? -gradient : gradient;
      slot[1] = kept > size ? kept : size;
      value -= (step.rate * slot[0]) / (step.correction * (slot[1] + epsilon));
    }
  };
  template <class T>
  Rule<T> rule() const {
    return {Power(beta_1), static_cast<T>(1 - beta_1), static_cast<T>(beta_2), static_cast<T>(epsilon)};
  }
};

using Adamax = OptimizerOf<AdamaxOptions>;

}  // namespace manul
