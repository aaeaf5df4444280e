#pragma once

#include "manul/framework/optimizer.h"

namespace manul {

/// Adam (Kingma and Ba 2015) as Keras computes it: m and v are running means of g and g²,
/// p -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).
struct AdamOptions {
  double learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
};

/// velocity = momentum * velocity - learning_rate * g; p += velocity (nesterov: momentum * velocity -
/// learning_rate * g). Without momentum there is no slot.
struct SGDOptions {
  double learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
};

class Adam : public Optimizer {
 public:
  explicit Adam(const AdamOptions& options = {}) : options_(options) {}
  const AdamOptions& options() const { return options_; }
  std::string class_name() const override { return "Adam"; }
  double initial_learning_rate() const override { return options_.learning_rate; }

 protected:
  std::vector<std::string> slot_names() const override { return {"m", "v"}; }
  void apply(const Tensor& state, int64_t samples, ParameterSet::Segment segment) override;
  GradientTaker range_update(const Tensor& state) const override;

 private:
  AdamOptions options_;
};

class SGD : public Optimizer {
 public:
  explicit SGD(const SGDOptions& options = {}) : options_(options) {}
  const SGDOptions& options() const { return options_; }
  std::string class_name() const override { return "SGD"; }
  double initial_learning_rate() const override { return options_.learning_rate; }

 protected:
  std::vector<std::string> slot_names() const override;
  void apply(const Tensor& state, int64_t samples, ParameterSet::Segment segment) override;
  GradientTaker range_update(const Tensor& state) const override;

 private:
  SGDOptions options_;
};

/// One pass over flat [n] tensors; also advances `state` by one iteration and `samples` (see advance_step),
/// not where `samples` is negative. The step count t is the state's iteration + 1, the learning rate the
/// state's. f32 computes in f32 as Keras does; f64 takes the powers from float32(beta), which is what
/// Keras 2.15 does, and everything else in double.
MANUL_KERNEL(adam_update,
             void(const AdamOptions& options, const Tensor& state, int64_t samples, const Tensor& gradients,
                  const Tensor& m, const Tensor& v, const Tensor& values));
/// `velocity` is undefined without momentum.
MANUL_KERNEL(sgd_update, void(const SGDOptions& options, const Tensor& state, int64_t samples,
                              const Tensor& gradients, const Tensor& velocity, const Tensor& values));

namespace cpu {
/// The same for ranges (Optimizer::range_update).
GradientTaker adam_range_update(const AdamOptions& options, const Tensor& state, const Tensor& m,
                                const Tensor& v, const Tensor& values);
GradientTaker sgd_range_update(const SGDOptions& options, const Tensor& state, const Tensor& velocity,
                               const Tensor& values);
}  // namespace cpu

}  // namespace manul
