#include "manul/ops/normalize/normalize.h"

#include <array>
#include <cmath>

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
    check(parameter->dtype() == x.dtype(), "{}: parameter {} does not go with input {}", operation,
          name_of(parameter->dtype()), name_of(x.dtype()));
  }
}

namespace {

/// Inference in simple ops: the definition, and the way a gradient takes.
Tensor normalize_by_parts(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                          const Tensor& variance, double epsilon) {
  Tensor deviation = sqrt(scale(variance, 1, epsilon));
  Tensor factor =
      divide(gamma.defined() ? gamma : Tensor::full(mean.shape(), 1, x.dtype(), x.device()), deviation);
  Tensor y = multiply(subtract(x, mean), factor);
  return beta.defined() ? add(y, beta) : y;
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

Tensor batch_normalize_training(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                const Tensor& moving_mean, const Tensor& moving_variance, double epsilon,
                                double momentum) {
  check_normalization("batch_normalize", x, {&gamma, &beta, &moving_mean, &moving_variance});
  check(x.elements() > 0, "batch_normalize: input {} has no elements to take statistics of", x.shape());
  Tensor mean = Tensor::empty_like(moving_mean), inverse_deviation = Tensor::empty_like(moving_mean);
  batch_statistics_kernel(x, epsilon, momentum, moving_mean, moving_variance, mean, inverse_deviation);
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

constexpr int64_t elements_a_part = 1 << 14;

template <class T>
const T* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.data<T>() : nullptr;
}

/// Calls body(first element of the row) for every row of `channels` elements.
template <class Body>
void for_rows(const Tensor& x, const Body& body) {
  int64_t channels = x.shape()[-1];
  if (channels == 0) return;
  parallel_for(x.shape().rows(), std::max<int64_t>(elements_a_part / channels, 1),
               [=](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) body(row * channels);
               });
}

/// y = (x - mean) * factor + beta per channel.
template <class T>
void normalize(const Tensor& x, const T* mean, const std::vector<T>& factor, const Tensor& beta,
               const Tensor& y) {
  const T *from = x.data<T>(), *offset = data_or_null<T>(beta), *by = factor.data();
  T* to = y.mutable_data<T>();
  int64_t channels = x.shape()[-1];
  for_rows(x, [=](int64_t first) {
    for (int64_t c = 0; c < channels; ++c) to[first + c] = (from[first + c] - mean[c]) * by[c];
    if (offset)
      for (int64_t c = 0; c < channels; ++c) to[first + c] += offset[c];
  });
}

}  // namespace

void batch_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                     const Tensor& variance, double epsilon, const Tensor& y) {
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    const T* by = data_or_null<T>(gamma);
    std::vector<T> factor(variance.elements());
    for (size_t c = 0; c < factor.size(); ++c)
      factor[c] = (by ? by[c] : T(1)) / std::sqrt(variance.data<T>()[c] + static_cast<T>(epsilon));
    normalize(x, mean.data<T>(), factor, beta, y);
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
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    const T *by = data_or_null<T>(gamma), *inverse = inverse_deviation.data<T>();
    std::vector<T> factor(mean.elements());
    for (size_t c = 0; c < factor.size(); ++c) factor[c] = by ? by[c] * inverse[c] : inverse[c];
    normalize(x, mean.data<T>(), factor, beta, y);
  });
}

// With h = (x - mean) * inverse_deviation over n rows: dbeta = sum dy, dgamma = sum dy h, and (Ioffe and
// Szegedy 2015) dx = gamma * inverse_deviation * (dy - dbeta / n - h * dgamma / n).
void batch_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& dx,
                              const Tensor& dgamma, const Tensor& dbeta) {
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    const T *from = x.data<T>(), *arrived = dy.data<T>(), *center = mean.data<T>();
    const T *inverse = inverse_deviation.data<T>(), *by = data_or_null<T>(gamma);
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
    std::vector<T> factor(channels), mean_dy(channels), mean_dyh(channels);
    for (int64_t c = 0; c < channels; ++c) {
      factor[c] = by ? by[c] * inverse[c] : inverse[c];
      mean_dy[c] = static_cast<T>(sums[c][0] / static_cast<double>(rows));
      mean_dyh[c] = static_cast<T>(sums[c][1] / static_cast<double>(rows));
    }
    for_rows(x, [=, to = dx.mutable_data<T>(), a = factor.data(), b = mean_dy.data(),
                 e = mean_dyh.data()](int64_t first) {
      for (int64_t c = 0; c < channels; ++c) {
        T h = (from[first + c] - center[c]) * inverse[c];
        to[first + c] = a[c] * (arrived[first + c] - b[c] - h * e[c]);
      }
    });
  });
}

}  // namespace cpu
}  // namespace manul
