#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' Adam (Kingma and Ba 2015): m and v are running means of g and g²,
/// p -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon). With amsgrad the
/// largest v so far takes v's place (Reddi et al. 2018). f32 computes in f32 as Keras does; f64 takes the
/// powers from float32(beta), which is what Keras 2.15 does, and everything else in double.
struct AdamOptions {
  static constexpr const char* class_name = "Adam";
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("beta_1", beta_1);
    description.option("beta_2", beta_2);
    description.option("epsilon", epsilon);
    description.option("amsgrad", amsgrad);
  }
  std::vector<OptimizerSlot> slots() const {
    std::vector<OptimizerSlot> slots{{"m", "momentum"}, {"v", "velocity"}};
    if (amsgrad) slots.push_back({"vhat", "velocity_hat", 1});
    return slots;
  }

  template <class T, bool amsgrad>
  struct Rule {
    static constexpr int slots = amsgrad ? 3 : 2;
    Power beta_1, beta_2;
    T take_1, take_2, epsilon;

    explicit Rule(const AdamOptions& options)
        : beta_1(options.beta_1),
          beta_2(options.beta_2),
          take_1(static_cast<T>(1 - options.beta_1)),
          take_2(static_cast<T>(1 - options.beta_2)),
          epsilon(static_cast<T>(options.epsilon)) {}
    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const {
      T power_1 = beta_1.raised<T>(step.number), power_2 = beta_2.raised<T>(step.number);
      return step.learning_rate * std::sqrt(T(1) - power_2) / (T(1) - power_1);
    }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      slot[0] += (gradient - slot[0]) * take_1;
      slot[1] += (gradient * gradient - slot[1]) * take_2;
      T v = slot[1];
      if constexpr (amsgrad) v = slot[2] = slot[2] > v ? slot[2] : v;
      value -= slot[0] * rate / (std::sqrt(v) + epsilon);
    }
  };
  template <class T>
  std::variant<Rule<T, false>, Rule<T, true>> rule() const {
    if (amsgrad) return Rule<T, true>(*this);
    return Rule<T, false>(*this);
  }
};

using Adam = OptimizerOf<AdamOptions>;

}  // namespace manul
