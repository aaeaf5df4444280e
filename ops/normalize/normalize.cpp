#include "manul/ops/normalize/normalize.h"

#include "manul/framework/tape.h"
#include "manul/ops/normalize/normalize_passes_cpu.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

void check_normalization(const char* operation, const Tensor& x,
                         std::initializer_list<const Tensor*> parameters) {
  check(x.shape().rank() >= 2, "{}: input {} has no batch and channel axes", operation, x.shape());
  Shape channels{x.shape()[-1]};
  for (const Tensor* parameter : parameters) {
    if (!parameter->defined()) continue;
    check(parameter->shape() == channels, "{}: parameter {} does not fit input {} (want {})", operation,
          parameter->shape(), x.shape(), channels);
    check(parameter->dtype() == x.dtype() || parameter->dtype() == compute_dtype(x.dtype()),
          "{}: parameter {} does not go with input {}", operation, name_of(parameter->dtype()),
          name_of(x.dtype()));
  }
}

namespace {

/// Inference in simple ops: the definition, and the way a gradient takes.
Tensor normalize_by_parts(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                          const Tensor& variance, double epsilon) {
  auto computed = [dtype = compute_dtype(x.dtype())](const Tensor& t) { return cast(t, dtype); };
  Tensor deviation = sqrt(scale(computed(variance), 1, epsilon));
  Tensor factor = gamma.defined() ? divide(computed(gamma), deviation) : reciprocal(deviation);
  Tensor y = multiply(subtract(computed(x), computed(mean)), factor);
  return cast(beta.defined() ? add(y, computed(beta)) : y, x.dtype());
}

/// Memory for statistics of the channels of x.
Tensor empty_statistics(const Tensor& x) {
  return Tensor::empty({x.shape()[-1]}, compute_dtype(x.dtype()), x.device());
}

}  // namespace

Tensor batch_normalize_inference(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                                 const Tensor& variance, double epsilon) {
  check_normalization("batch_normalize", x, {&gamma, &beta, &mean, &variance});
  if (Tape::recording({&x, &gamma, &beta, &mean, &variance}))
    return normalize_by_parts(x, gamma, beta, mean, variance, epsilon);
  Tensor y = Tensor::empty_like(x);
  batch_normalize_kernel(x, gamma, beta, mean, variance, epsilon, y);
  return y;
}

Tensor to_be_moved(const Tensor& moving) {
  return Tape::computes_again() ? moving.clone() : moving;
}

Tensor batch_normalize_training(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                const Tensor& moving_mean, const Tensor& moving_variance, double epsilon,
                                double momentum) {
  check_normalization("batch_normalize", x, {&gamma, &beta, &moving_mean, &moving_variance});
  check(x.elements() > 0, "batch_normalize: input {} has no elements to take statistics of", x.shape());
  Tensor mean = empty_statistics(x), inverse_deviation = empty_statistics(x);
  batch_statistics_kernel(x, epsilon, momentum, to_be_moved(moving_mean), to_be_moved(moving_variance), mean,
                          inverse_deviation);
  Tensor y = Tensor::empty_like(x);
  batch_normalize_training_kernel(x, gamma, beta, mean, inverse_deviation, y);
  if (Tape* tape = Tape::recording({&x, &gamma, &beta}))
    tape->record("batch_normalize", y, {x, gamma, beta},
                 [x, gamma, mean, inverse_deviation](const Tensor& dy, Gradients& gradients) {
                   Tensor targets[3];
                   for (int i = 0; i < 3; ++i)
                     if (gradients.needed(i))
                       targets[i] = i == 0 ? gradients.target_in_place(i, dy) : gradients.target(i);
                   batch_normalize_backward_kernel(x, gamma, mean, inverse_deviation, dy, targets[0],
                                                   targets[1], targets[2]);
                 });
  return y;
}

namespace cpu {

void batch_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                     const Tensor& variance, double epsilon, const Tensor& y) {
  visit_float(x.dtype(), "batch_normalize", [&]<class T>(T) {
    normalize_rows(pointwise::Linear<T>{}, x, {}, ChannelAffine<T>(gamma, beta, mean, variance, epsilon), y);
  });
}

void batch_statistics(const Tensor& x, double epsilon, double momentum, const Tensor& moving_mean,
                      const Tensor& moving_variance, const Tensor& mean, const Tensor& inverse_deviation) {
  visit_float(x.dtype(), "batch_normalize", [&]<class T>(T) {
    const Statistics<T> statistics(x);
    T *running_mean = moving_mean.mutable_data<T>(), *running_variance = moving_variance.mutable_data<T>();
    T *mean_to = mean.mutable_data<T>(), *inverse_to = inverse_deviation.mutable_data<T>();
    T keep = static_cast<T>(momentum), take = static_cast<T>(1 - momentum);
    for (size_t c = 0; c < statistics.mean.size(); ++c) {
      mean_to[c] = static_cast<T>(statistics.mean[c]);
      inverse_to[c] = static_cast<T>(1 / std::sqrt(statistics.variance[c] + epsilon));
      running_mean[c] = running_mean[c] * keep + static_cast<T>(statistics.mean[c]) * take;
      running_variance[c] = running_variance[c] * keep + static_cast<T>(statistics.variance[c]) * take;
    }
  });
}

void batch_normalize_training(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& y) {
  visit_float(x.dtype(), "batch_normalize", [&]<class T>(T) {
    normalize_rows(pointwise::Linear<T>{}, x, {}, ChannelAffine<T>(gamma, beta, mean, inverse_deviation), y);
  });
}

void batch_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& dx,
                              const Tensor& dgamma, const Tensor& dbeta) {
  visit_float(x.dtype(), "batch_normalize", [&]<class T>(T) {
    normalize_rows_backward<T>(pointwise::Linear<T>{}, {x, {}, dy, dx, dgamma, dbeta, {}}, gamma, {}, mean,
                               inverse_deviation);
  });
}

}  // namespace cpu
}  // namespace manul
