#pragma once

#include "manul/ops/optimizers/optimizer_of.h"

namespace manul {

class Lamb;

/// Keras' Lamb (You et al. 2020): Adam whose step of each parameter is as long as the parameter itself.
/// m and v are running means of g and g²; u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon);
/// p -= learning_rate * |p| / |u| * u, without the quotient where one of the norms is 0.
struct LambOptions {
  static constexpr const char* class_name = "Lamb";
  using Optimizer = Lamb;
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

  /// Puts u into a third slot, which no file has; the parameter changes afterwards.
  template <class T>
  struct Rule {
    static constexpr int slots = 3;
    struct Corrections {
      T of_m, of_v;
    };
    Power beta_1, beta_2;
    T take_1, take_2, epsilon;

    explicit Rule(const LambOptions& options)
        : beta_1(options.beta_1),
          beta_2(options.beta_2),
          take_1(static_cast<T>(1 - options.beta_1)),
          take_2(static_cast<T>(1 - options.beta_2)),
          epsilon(static_cast<T>(options.epsilon)) {}
    MANUL_HOST_DEVICE Corrections prepare(const UpdateStep<T>& step) const {
      return {T(1) - beta_1.raised<T>(step.number), T(1) - beta_2.raised<T>(step.number)};
    }
    MANUL_HOST_DEVICE void operator()(const Corrections& corrections, T gradient, T& /*value*/,
                                      T* slot) const {
      slot[0] += (gradient - slot[0]) * take_1;
      slot[1] += (gradient * gradient - slot[1]) * take_2;
      slot[2] = slot[0] / corrections.of_m / (std::sqrt(slot[1] / corrections.of_v) + epsilon);
    }
  };
  template <class T>
  Rule<T> rule() const {
    return Rule<T>(*this);
  }
};

class Lamb : public OptimizerOf<LambOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void apply(const Update& update) override;
  void attached() override;

 private:
  Tensor steps_;          // u, laid out as the parameters
  Treatments to_length_;  // |p| and |u| of each parameter
};

}  // namespace manul
