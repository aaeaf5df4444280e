#pragma once

#include "manul/ops/schedules/schedule_of.h"

namespace manul {

/// Keras' CosineDecayRestarts (Loshchilov and Hutter 2017): cosine decay over first_decay_steps, then again
/// from m_mul times the rate over t_mul times the steps, and so on; never below alpha *
/// initial_learning_rate.
struct CosineDecayRestarts {
  static constexpr const char* class_name = "CosineDecayRestarts";
  double initial_learning_rate = 0.001;
  int64_t first_decay_steps = 1000;
  double t_mul = 2;
  double m_mul = 1;
  double alpha = 0;

  void describe(auto& description) {
    description.required("initial_learning_rate", initial_learning_rate);
    description.required("first_decay_steps", first_decay_steps, {.least = 1});
    description.option("t_mul", t_mul);
    description.option("m_mul", m_mul);
    description.option("alpha", alpha);
  }
  /// Every operation is rounded as Keras' is: at the restarts rounding decides the side.
  MANUL_HOST_DEVICE float operator()(float step) const {
    float part = step / static_cast<float>(first_decay_steps), restarts;
    auto longer = static_cast<float>(t_mul), alpha_ = static_cast<float>(alpha);
    if (longer == 1) {
      restarts = std::floor(part);
      part -= restarts;
    } else {
      float total = difference(1, product(part, 1 - longer));
      restarts = std::floor(logarithm(total) / logarithm(longer));
      float length = std::pow(longer, restarts);
      part = difference(part, (1 - length) / (1 - longer)) / length;
    }
    auto cosine = static_cast<float>(std::cos(static_cast<double>(3.14159265F * part)));
    float height = 0.5F * std::pow(static_cast<float>(m_mul), restarts) * (1 + cosine);
    return static_cast<float>(initial_learning_rate) * ((1 - alpha_) * height + alpha_);
  }

 private:
  /// These are not contracted to a multiplication and addition with one rounding.
  MANUL_HOST_DEVICE static float product(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
  }
  MANUL_HOST_DEVICE static float difference(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fsub_rn(a, b);
#else
    return a - b;
#endif
  }
  MANUL_HOST_DEVICE static float logarithm(float x) {
    return static_cast<float>(std::log(static_cast<double>(x)));
  }
};

}  // namespace manul
