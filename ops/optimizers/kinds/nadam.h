#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' Nadam (Dozat 2016): Adam with Nesterov momentum, on the schedule u_t = beta_1 * (1 - 0.96^t / 2):
/// m' = u_{t+1} * m / (1 - u_1 .. u_{t+1}) + (1 - u_t) * g / (1 - u_1 .. u_t),
/// p -= learning_rate * m' / (sqrt(v / (1 - beta_2^t)) + epsilon).
struct NadamOptions {
  static constexpr const char* class_name = "Nadam";
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
  std::vector<OptimizerSlot> slots() const { return {{"m", "momentum"}, {"v", "velocity"}}; }

  /// u_1 .. u_number, which Keras keeps in a variable. From some 420 on, 0.96^t no longer changes a factor.
  MANUL_HOST_DEVICE static double product(double beta_1, int64_t number) {
    double product = 1, decay = 1;
    for (int64_t t = 1; t <= number; ++t) {
      decay *= 0.96;
      if (decay < 1e-17) return product * std::pow(beta_1, static_cast<double>(number - t + 1));
      product *= beta_1 * (1 - 0.5 * decay);
    }
    return product;
  }

  template <class T>
  struct Rule {
    static constexpr int slots = 2;
    struct Prepared {
      T rate, of_momentum, of_gradient, correction;
    };
    double keep_1;
    Power beta_2;
    T take_1, take_2, epsilon;

    MANUL_HOST_DEVICE Prepared prepare(const UpdateStep<T>& step) const {
      double decay = std::pow(0.96, static_cast<double>(step.number));
      double u = keep_1 * (1 - 0.5 * decay), next_u = keep_1 * (1 - 0.5 * 0.96 * decay);
      double until_now = product(keep_1, step.number);
      return {step.learning_rate, static_cast<T>(next_u / (1 - until_now * next_u)),
              static_cast<T>((1 - u) / (1 - until_now)), T(1) - beta_2.raised<T>(step.number)};
    }
    MANUL_HOST_DEVICE void operator()(const Prepared& step, T gradient, T& value, T* slot) const {
      slot[0] += (gradient - slot[0]) * take_1;
      slot[1] += (gradient * gradient - slot[1]) * take_2;
      T m = step.of_momentum * slot[0] + step.of_gradient * gradient;
      value -= (m * step.rate) / (std::sqrt(slot[1] / step.correction) + epsilon);
    }
  };
  template <class T>
  Rule<T> rule() const {
    // Keras subtracts from 1 in float32.
    auto rest = [](double beta) { return static_cast<T>(1.0F - static_cast<float>(beta)); };
    return {beta_1, Power(beta_2), rest(beta_1), rest(beta_2), static_cast<T>(epsilon)};
  }
};

using Nadam = OptimizerOf<NadamOptions>;

}  // namespace manul
