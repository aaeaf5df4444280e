#include "manul/ops/normalize/normalize.h"

#include <array>
#include <cmath>
#include <vector>

#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
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
                     if (gradients.needed(i)) targets[i] = gradients.target(i);
                   batch_normalize_backward_kernel(x, gamma, mean, inverse_deviation, dy, targets[0],
                                                   targets[1], targets[2]);
                 });
  return y;
}

namespace cpu {
namespace {

/// value(c) for each channel.
template <class T, class Value>
std::vector<T> channel_values(const Tensor& of, const Value& value) {
  std::vector<T> values(of.elements());
  for (size_t c = 0; c < values.size(); ++c) values[c] = value(c);
  return values;
}

/// y = (x - mean) * factor + beta per channel.
template <class T>
void normalize(const Tensor& x, const Tensor& mean, const std::vector<T>& factor, const Tensor& beta,
               const Tensor& y) {
  const T *from = x.data<T>(), *center = mean.data<T>(), *by = factor.data();
  const T* offset = beta.defined() ? beta.data<T>() : nullptr;
  int64_t channels = x.shape()[-1];
  for_rows(x.shape().rows(), channels, [=, to = y.mutable_data<T>()](int64_t row) {
    int64_t first = row * channels;
    for (int64_t c = 0; c < channels; ++c) to[first + c] = (from[first + c] - center[c]) * by[c];
    if (offset)
      for (int64_t c = 0; c < channels; ++c) to[first + c] += offset[c];
  });
}

template <class T>
T gamma_of(const Tensor& gamma, size_t channel) {
  return gamma.defined() ? gamma.data<T>()[channel] : T(1);
}

}  // namespace

void batch_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                     const Tensor& variance, double epsilon, const Tensor& y) {
  visit_float(x.dtype(), "batch_normalize", [&]<class T>(T) {
    auto factor = channel_values<T>(variance, [&](size_t c) {
      return gamma_of<T>(gamma, c) / std::sqrt(variance.data<T>()[c] + static_cast<T>(epsilon));
    });
    normalize(x, mean, factor, beta, y);
  });
}

void batch_statistics(const Tensor& x, double epsilon, double momentum, const Tensor& moving_mean,
                      const Tensor& moving_variance, const Tensor& mean, const Tensor& inverse_deviation) {
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    int64_t channels = x.shape()[-1], rows = x.shape().rows();
    auto means =
        column_sums(rows, channels, [=](int64_t i, int64_t) { return static_cast<double>(from[i]); });
    for (double& value : means) value /= static_cast<double>(rows);
    auto squares = column_sums(rows, channels, [from, center = means.data()](int64_t i, int64_t c) {
      double distance = from[i] - center[c];
      return distance * distance;
    });
    T *running_mean = moving_mean.mutable_data<T>(), *running_variance = moving_variance.mutable_data<T>();
    T keep = static_cast<T>(momentum), take = static_cast<T>(1 - momentum);
    for (int64_t c = 0; c < channels; ++c) {
      double variance = squares[c] / static_cast<double>(rows);
      mean.mutable_data<T>()[c] = static_cast<T>(means[c]);
      inverse_deviation.mutable_data<T>()[c] = static_cast<T>(1 / std::sqrt(variance + epsilon));
      running_mean[c] = running_mean[c] * keep + static_cast<T>(means[c]) * take;
      running_variance[c] = running_variance[c] * keep + static_cast<T>(variance) * take;
    }
  });
}

void batch_normalize_training(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& y) {
  visit_float(x.dtype(), "batch_normalize", [&]<class T>(T) {
    const T* inverse = inverse_deviation.data<T>();
    normalize(x, mean, channel_values<T>(mean, [&](size_t c) { return gamma_of<T>(gamma, c) * inverse[c]; }),
              beta, y);
  });
}

// With h = (x - mean) * inverse_deviation over n rows: dbeta = sum dy, dgamma = sum dy h, and (Ioffe and
// Szegedy 2015) dx = gamma * inverse_deviation * (dy - dbeta / n - h * dgamma / n).
void batch_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& dx,
                              const Tensor& dgamma, const Tensor& dbeta) {
  visit_float(x.dtype(), "batch_normalize", [&]<class T>(T) {
    const T *from = x.data<T>(), *arrived = dy.data<T>();
    const T *center = mean.data<T>(), *inverse = inverse_deviation.data<T>();
    int64_t channels = x.shape()[-1], rows = x.shape().rows();
    auto sums = column_sums(rows, channels, [=](int64_t i, int64_t c) {
      double dy = arrived[i];
      return std::array<double, 2>{dy, dy * static_cast<double>((from[i] - center[c]) * inverse[c])};
    });
    for (int64_t c = 0; c < channels; ++c) {
      if (dbeta.defined()) dbeta.mutable_data<T>()[c] = static_cast<T>(sums[c][0]);
      if (dgamma.defined()) dgamma.mutable_data<T>()[c] = static_cast<T>(sums[c][1]);
    }
    if (!dx.defined()) return;
    auto factor = channel_values<T>(mean, [&](size_t c) { return gamma_of<T>(gamma, c) * inverse[c]; });
    auto mean_of = [&](int k) {
      return channel_values<T>(
          mean, [&](size_t c) { return static_cast<T>(sums[c][k] / static_cast<double>(rows)); });
    };
    std::vector<T> mean_dy = mean_of(0), mean_dyh = mean_of(1);
    for_rows(rows, channels,
             [=, to = dx.mutable_data<T>(), by = factor.data(), of_dy = mean_dy.data(),
              of_dyh = mean_dyh.data()](int64_t row) {
               int64_t first = row * channels;
               for (int64_t c = 0; c < channels; ++c) {
                 T h = (from[first + c] - center[c]) * inverse[c];
                 to[first + c] = by[c] * (arrived[first + c] - of_dy[c] - h * of_dyh[c]);
               }
             });
  });
}

}  // namespace cpu
}  // namespace manul
