#include "manul/ops/fused/normalize_activation.h"

#include "manul/framework/tape.h"
#include "manul/ops/fused/fused_in_normalization.h"
#include "manul/ops/normalize/normalize.h"
#include "manul/ops/normalize/normalize_passes_cpu.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {
namespace {

bool is_plain(const NormalizationTail& tail) {
  return !tail.addend.defined() && tail.activation == Activation::linear;
}

void check_addend(const Tensor& x, const Tensor& addend) {
  if (!addend.defined()) return;
  check(addend.shape() == x.shape() && addend.dtype() == x.dtype(),
        "normalize_activation: {} cannot be added to the normalized {}", addend.shape(), x.shape());
}

}  // namespace

Tensor with_tail(const Tensor& x, const NormalizationTail& tail) {
  return activate(tail.addend.defined() ? add(x, tail.addend) : x, tail.activation);
}

bool is_fused_in_normalization(Activation activation) {
  return pointwise::is_in(pointwise::FusedInNormalization{}, activation);
}

bool normalize_activation_fits(const Tensor& x, Activation activation) {
  DType other = x.device().is_cuda() ? DType::bf16 : DType::f64;
  return (x.dtype() == DType::f32 || x.dtype() == other) && x.elements() > 0 &&
         is_fused_in_normalization(activation);
}

Tensor normalize_activation_training(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                     const Tensor& moving_mean, const Tensor& moving_variance, double epsilon,
                                     double momentum, const NormalizationTail& tail) {
  check_addend(x, tail.addend);
  if (is_plain(tail) || !normalize_activation_fits(x, tail.activation))
    return with_tail(
        batch_normalize_training(x, gamma, beta, moving_mean, moving_variance, epsilon, momentum), tail);
  check_normalization("normalize_activation", x, {&gamma, &beta, &moving_mean, &moving_variance});
  Tensor mean = Tensor::empty(moving_mean.shape(), compute_dtype(x.dtype()), x.device());
  Tensor inverse_deviation = Tensor::empty_like(mean);
  batch_statistics_kernel(x, epsilon, momentum, to_be_moved(moving_mean), to_be_moved(moving_variance), mean,
                          inverse_deviation);
  Tensor y = Tensor::empty_like(x);
  normalize_activation_kernel(x, gamma, beta, mean, inverse_deviation, -1.0, tail.addend, tail.activation, y);
  if (Tape* tape = Tape::recording({&x, &gamma, &beta, &tail.addend}))
    tape->record("normalize_activation", y, {x, gamma, beta, tail.addend},
                 [x, gamma, beta, mean, inverse_deviation, tail](const Tensor& dy, Gradients& gradients) {
                   Tensor targets[4];
                   const int in_place = tail.addend.defined() ? 3 : 0;
                   for (int i = 0; i < 4; ++i)
                     if (gradients.needed(i))
                       targets[i] = i == in_place ? gradients.target_in_place(i, dy) : gradients.target(i);
                   if (tail.addend.defined() && !targets[3].defined()) targets[3] = Tensor::empty_like(x);
                   normalize_activation_backward_kernel(x, gamma, beta, mean, inverse_deviation, tail.addend,
                                                        tail.activation, dy, targets[0], targets[1],
                                                        targets[2], targets[3]);
                 });
  return y;
}

Tensor normalize_activation_inference(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& mean, const Tensor& variance, double epsilon,
                                      const NormalizationTail& tail) {
  check_addend(x, tail.addend);
  bool recorded = Tape::recording({&x, &gamma, &beta, &mean, &variance, &tail.addend}) != nullptr;
  if (is_plain(tail) || recorded || !normalize_activation_fits(x, tail.activation))
    return with_tail(batch_normalize_inference(x, gamma, beta, mean, variance, epsilon), tail);
  check_normalization("normalize_activation", x, {&gamma, &beta, &mean, &variance});
  Tensor y = Tensor::empty_like(x);
  normalize_activation_kernel(x, gamma, beta, mean, variance, epsilon, tail.addend, tail.activation, y);
  return y;
}

namespace cpu {
namespace {

/// Calls use(T(), function) for the type of x and an activation.
template <class Use>
void visit_fused_in_normalization(const Tensor& x, Activation activation, Use&& use) {
  visit_float(x.dtype(), "normalize_activation", [&]<class T>(T zero) {
    pointwise::visit_listed<T>(
        "normalize_activation", activation, [&](auto function) { use(zero, function); },
        pointwise::FusedInNormalization{});
  });
}

}  // namespace

void normalize_activation(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                          const Tensor& deviation, double epsilon, const Tensor& addend,
                          Activation activation, const Tensor& y) {
  visit_fused_in_normalization(x, activation, [&]<class T>(T, auto function) {
    normalize_rows(function, x, addend, ChannelAffine<T>(gamma, beta, mean, deviation, epsilon), y);
  });
}

void normalize_activation_backward(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                   const Tensor& mean, const Tensor& inverse_deviation, const Tensor& addend,
                                   Activation activation, const Tensor& dy, const Tensor& dx,
                                   const Tensor& dgamma, const Tensor& dbeta, const Tensor& dz) {
  visit_fused_in_normalization(x, activation, [&]<class T>(T, auto function) {
    normalize_rows_backward<T>(function, {x, addend, dy, dx, dgamma, dbeta, dz}, gamma, beta, mean,
                               inverse_deviation);
  });
}

}  // namespace cpu
}  // namespace manul
