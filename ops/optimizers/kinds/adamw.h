#pragma once

#include "manul/ops/optimizers/kinds/adam.h"

namespace manul {

/// Keras' AdamW (Loshchilov and Hutter 2019): Adam with weight decay.
struct AdamWOptions {
  static constexpr const char* class_name = "AdamW";
  LearningRate learning_rate = 0.001;
  double weight_decay = 0.004;  // unless OptimizerOptions say another
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;

  AdamOptions adam() const { return {learning_rate, beta_1, beta_2, epsilon, amsgrad}; }
  void describe(auto& description) {
    AdamOptions options = adam();
    options.describe(description);
    *this = {options.learning_rate, weight_decay,    options.beta_1,
             options.beta_2,        options.epsilon, options.amsgrad};
  }
  std::vector<OptimizerSlot> slots() const { return adam().slots(); }
  template <class T>
  auto rule() const {
    return adam().rule<T>();
  }
};

using AdamW = OptimizerOf<AdamWOptions>;

}  // namespace manul
