#include "manul/framework/cuda/column_sums.h"
#include "manul/ops/normalize/normalize.h"

namespace manul::cuda {
namespace {

/// y = (x - mean) * gamma * inverse deviation + beta; with `epsilon` >= 0, `deviation` is the variance.
template <class T>
struct NormalizeBody {
  const T *x, *gamma, *beta, *mean, *deviation;
  T epsilon;
  int64_t channels;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % channels;
    T by = gamma ? gamma[c] : T(1);
    T factor = epsilon < T(0) ? by * deviation[c] : by / std::sqrt(deviation[c] + epsilon);
    T value = (x[i] - mean[c]) * factor;
    y[i] = beta ? value + beta[c] : value;
  }
};

struct StoreMean {
  double rows;
  double* mean;
  __device__ void operator()(int64_t column, double sum) const { mean[column] = sum / rows; }
};

template <class T>
struct SquaredDistance {
  const T* x;
  int64_t channels;
  const double* mean;
  __device__ double operator()(int64_t row, int64_t column) const {
    double distance = x[row * channels + column] - mean[column];
    return distance * distance;
  }
};

template <class T>
struct StoreStatistics {
  double rows, epsilon, momentum;
  const double* exact_mean;
  T *moving_mean, *moving_variance, *mean, *inverse_deviation;
  __device__ void operator()(int64_t c, double squares) const {
    double variance = squares / rows;
    T keep = static_cast<T>(momentum), take = static_cast<T>(1 - momentum);
    mean[c] = static_cast<T>(exact_mean[c]);
    inverse_deviation[c] = static_cast<T>(1 / sqrt(variance + epsilon));
    moving_mean[c] = moving_mean[c] * keep + mean[c] * take;
    moving_variance[c] = moving_variance[c] * keep + static_cast<T>(variance) * take;
  }
};

/// {dy, dy * h}, h = (x - mean) * inverse deviation.
template <class T>
struct GradientPair {
  const T *x, *mean, *inverse, *dy;
  int64_t channels;
  __device__ DoublePair operator()(int64_t row, int64_t c) const {
    int64_t i = row * channels + c;
    double arrived = dy[i];
    return {arrived, arrived * static_cast<double>((x[i] - mean[c]) * inverse[c])};
  }
};

template <class T>
struct StoreGradients {
  T *dbeta, *dgamma;
  DoublePair* sums;
  __device__ void operator()(int64_t c, DoublePair sum) const {
    if (dbeta) dbeta[c] = static_cast<T>(sum.first);
    if (dgamma) dgamma[c] = static_cast<T>(sum.second);
    sums[c] = sum;
  }
};

template <class T>
struct InputGradient {
  const T *x, *gamma, *mean, *inverse, *dy;
  const DoublePair* sums;
  double rows;
  int64_t channels;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % channels;
    T h = (x[i] - mean[c]) * inverse[c], factor = gamma ? gamma[c] * inverse[c] : inverse[c];
    T mean_dy = static_cast<T>(sums[c].first / rows), mean_dyh = static_cast<T>(sums[c].second / rows);
    dx[i] = factor * (dy[i] - mean_dy - h * mean_dyh);
  }
};

}  // namespace

void batch_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                     const Tensor& variance, double epsilon, const Tensor& y) {
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    for_each(
        context_of(x), x.elements(),
        NormalizeBody<T>{x.data<T>(), data_or_null<T>(gamma), data_or_null<T>(beta), mean.data<T>(),
                         variance.data<T>(), static_cast<T>(epsilon), x.shape()[-1], y.mutable_data<T>()});
  });
}

void batch_statistics(const Tensor& x, double epsilon, double momentum, const Tensor& moving_mean,
                      const Tensor& moving_variance, const Tensor& mean, const Tensor& inverse_deviation) {
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    int64_t channels = x.shape()[-1], rows = x.shape().rows();
    Tensor exact_mean = Tensor::empty({channels}, DType::f64, x.device());
    double* exact = exact_mean.mutable_data<double>();
    column_sums<double>(x, rows, channels, MatrixElement<T>{x.data<T>(), channels},
                        StoreMean{static_cast<double>(rows), exact});
    column_sums<double>(x, rows, channels, SquaredDistance<T>{x.data<T>(), channels, exact},
                        StoreStatistics<T>{static_cast<double>(rows), epsilon, momentum, exact,
                                           moving_mean.mutable_data<T>(), moving_variance.mutable_data<T>(),
                                           mean.mutable_data<T>(), inverse_deviation.mutable_data<T>()});
  });
}

void batch_normalize_training(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& y) {
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), x.elements(),
             NormalizeBody<T>{x.data<T>(), data_or_null<T>(gamma), data_or_null<T>(beta), mean.data<T>(),
                              inverse_deviation.data<T>(), T(-1), x.shape()[-1], y.mutable_data<T>()});
  });
}

void batch_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& dx,
                              const Tensor& dgamma, const Tensor& dbeta) {
  visit_float(x.dtype(), "batch_normalize", [&](auto zero) {
    using T = decltype(zero);
    int64_t channels = x.shape()[-1], rows = x.shape().rows();
    Tensor sums = Tensor::empty({channels, 2}, DType::f64, x.device());
    auto* pairs = reinterpret_cast<DoublePair*>(sums.mutable_data<double>());
    const T *from = x.data<T>(), *center = mean.data<T>(), *inverse = inverse_deviation.data<T>();
    column_sums<DoublePair>(
        x, rows, channels, GradientPair<T>{from, center, inverse, dy.data<T>(), channels},
        StoreGradients<T>{mutable_data_or_null<T>(dbeta), mutable_data_or_null<T>(dgamma), pairs});
    if (dx.defined())
      for_each(context_of(x), x.elements(),
               InputGradient<T>{from, data_or_null<T>(gamma), center, inverse, dy.data<T>(), pairs,
                                static_cast<double>(rows), channels, dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
