#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' SGD: velocity = momentum * velocity - learning_rate * g; p += velocity (nesterov: momentum *
/// velocity
/// - learning_rate * g). Without momentum there is no slot.
struct SGDOptions {
  static constexpr const char* class_name = "SGD";
  LearningRate learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("momentum", momentum);
    description.option("nesterov", nesterov);
  }
  std::vector<OptimizerSlot> slots() const {
    if (momentum == 0) return {};
    return {{"momentum", "momentum"}};
  }

  template <class T>
  struct Rule {
    static constexpr int slots = 0;
    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* /*slot*/) const {
      value += -gradient * rate;
    }
  };
  template <class T>
  struct MomentumRule {
    static constexpr int slots = 1;
    T momentum;
    bool nesterov;
    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      T step = -gradient * rate;
      T velocity = step + slot[0] * momentum;
      slot[0] = velocity;
      value += nesterov ? step + velocity * momentum : velocity;
    }
  };
  template <class T>
  std::variant<Rule<T>, MomentumRule<T>> rule() const {
    if (momentum == 0) return Rule<T>();
    return MomentumRule<T>{static_cast<T>(momentum), nesterov};
  }
};

using SGD = OptimizerOf<SGDOptions>;

}  // namespace manul
