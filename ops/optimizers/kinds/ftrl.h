#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' Ftrl (McMahan et al. 2013), with r the learning rate and k = -learning_rate_power:
/// n' = n + g²; z += g + 2 * l2_shrinkage * p - (n'^k - n^k) / r * p;
/// p = (clip(z, -l1, l1) - z) / (n'^k / r + 2 * (l2 + beta / (2 r))).
struct FtrlOptions {
  static constexpr const char* class_name = "Ftrl";
  LearningRate learning_rate = 0.001;
  double learning_rate_power = -0.5;
  double initial_accumulator_value = 0.1;
  double l1_regularization_strength = 0;
  double l2_regularization_strength = 0;
  double l2_shrinkage_regularization_strength = 0;
  double beta = 0;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("learning_rate_power", learning_rate_power);
    description.option("initial_accumulator_value", initial_accumulator_value);
    description.option("l1_regularization_strength", l1_regularization_strength);
    description.option("l2_regularization_strength", l2_regularization_strength);
    description.option("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength);
    description.option("beta", beta);
  }
  std::vector<OptimizerSlot> slots() const {
    return {{"accumulator", "accumulator", 0, initial_accumulator_value}, {"linear", "linear"}};
  }

  template <class T>
  struct Rule {
    static constexpr int slots = 2;
    T power, l1, l2, shrinkage, beta;

    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      T old_power = std::pow(slot[0], power);
      slot[0] += gradient * gradient;
      T new_power = std::pow(slot[0], power);
      slot[1] += gradient + 2 * shrinkage * value - (new_power - old_power) / rate * value;
      T z = slot[1], clipped = z > l1 ? l1 : z < -l1 ? -l1 : z;
      value = (clipped - z) / (new_power / rate + 2 * (l2 + beta / (2 * rate)));
    }
  };
  template <class T>
  Rule<T> rule() const {
    return {static_cast<T>(-learning_rate_power), static_cast<T>(l1_regularization_strength),
            static_cast<T>(l2_regularization_strength), static_cast<T>(l2_shrinkage_regularization_strength),
            static_cast<T>(beta)};
  }
};

using Ftrl = OptimizerOf<FtrlOptions>;

}  // namespace manul
