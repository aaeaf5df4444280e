#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

/// Keras' RMSprop: velocity is a running mean of g²; step = learning_rate * g / sqrt(velocity + epsilon),
/// with `centered` velocity less the square of the running mean of g; with momentum accumulated. p -= step.
struct RMSpropOptions {
  static constexpr const char* class_name = "RMSprop";
  LearningRate learning_rate = 0.001;
  double rho = 0.9;
  double momentum = 0;
  double epsilon = 1e-7;
  bool centered = false;
  /// As Keras before 2.11 computes it: without momentum epsilon is outside the root.
  bool is_legacy = false;

  void describe(auto& description) {
    description.option({"learning_rate", "lr"}, learning_rate);
    description.option("rho", rho);
    description.option("momentum", momentum);
    description.option("epsilon", epsilon);
    description.option("centered", centered);
  }
  std::vector<OptimizerSlot> slots() const {
    std::vector<OptimizerSlot> slots{{is_legacy ? "rms" : "velocity", "velocity"}};
    if (momentum != 0) slots.push_back({"momentum", "momentum", 1});
    if (centered) slots.push_back({is_legacy ? "mg" : "average_gradient", "average_gradient", 2});
    return slots;
  }

  template <class T, bool momentum, bool centered>
  struct Rule {
    static constexpr int slots = 1 + momentum + centered;
    T keep, take, keep_step, epsilon;
    bool epsilon_outside;

    MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
    MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
      slot[0] = keep * slot[0] + take * (gradient * gradient);
      T size = slot[0];
      if constexpr (centered) {
        T& mean = slot[1 + momentum];
        mean = keep * mean + take * gradient;
        size -= mean * mean;
      }
      size = epsilon_outside ? std::sqrt(size) + epsilon : std::sqrt(size + epsilon);
      T step = rate * gradient / size;
      if constexpr (momentum) step = slot[1] = keep_step * slot[1] + step;
      value -= step;
    }
  };
  template <class T, bool with_momentum, bool is_centered>
  Rule<T, with_momentum, is_centered> make() const {
    return {static_cast<T>(rho), static_cast<T>(1 - rho), static_cast<T>(momentum), static_cast<T>(epsilon),
            is_legacy && !with_momentum};
  }
  template <class T>
  std::variant<Rule<T, false, false>, Rule<T, true, false>, Rule<T, false, true>, Rule<T, true, true>> rule()
      const {
    if (momentum != 0 && centered) return make<T, true, true>();
    if (momentum != 0) return make<T, true, false>();
    if (centered) return make<T, false, true>();
    return make<T, false, false>();
  }
};

using RMSprop = OptimizerOf<RMSpropOptions>;

}  // namespace manul
