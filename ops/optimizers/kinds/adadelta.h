#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' Adadelta (Zeiler 2012): a is a running mean of g², d one of step²;
/// step = sqrt(d + epsilon) / sqrt(a + epsilon) * g; p -= learning_rate * step.
struct AdadeltaOptions {
  static constexpr const char* class_name = "Adadelta";
  LearningRate learning_rate = 0.001;
  double rho = 0.95;
  double epsilon = 1e-7;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("rho", rho);
    description.option("epsilon", epsilon);
  }
  std::vector<OptimizerSlot> slots() const {
    return {{"accumulated_grad", "accumulated_grad"}, {"accumulated_delta_var", "accumulated_delta_var"}};
  }

  template <class T>
  struct Rule {
    static constexpr int slots = 2;
    T keep, take, epsilon;

    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      slot[0] = keep * slot[0] + take * (gradient * gradient);
      T step = std::sqrt(slot[1] + epsilon) * gradient / std::sqrt(slot[0] + epsilon);
      slot[1] = keep * slot[1] + take * (step * step);
      value -= rate * step;
    }
  };
  template <class T>
  Rule<T> rule() const {
    return {static_cast<T>(rho), static_cast<T>(1 - rho), static_cast<T>(epsilon)};
  }
};

using Adadelta = OptimizerOf<AdadeltaOptions>;

}  // namespace manul
