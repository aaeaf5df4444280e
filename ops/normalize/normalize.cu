#include "manul/ops/normalize/normalize.h"

#include "manul/ops/normalize/normalize_passes.h"

namespace manul::cuda {
namespace {

/// {x - shift, (x - shift)^2}, the shift an element of the channel: a variance as the difference of the sums
/// then loses nothing where the mean is far from zero.
template <class S, class T>
struct ShiftedSquares {
  using Element = S;
  using Part = Pair<T>;
  static constexpr int rows_at_once = 8;
  const S* x;
  int64_t channels;

  template <int width>
  struct OfPack {
    const S* x;
    int64_t packs;
    T shift[width];
    __device__ Pack<S, width> load(int64_t row) const { return pack<S, width>(x, row * packs); }
    __device__ void add(const Pack<S, width>& loaded, int64_t, Part (&parts)[width]) const {
#pragma unroll
      for (int k = 0; k < width; ++k) {
        T distance = static_cast<T>(loaded.values[k]) - shift[k];
        parts[k].first += distance;
        parts[k].second += distance * distance;
      }
    }
  };
  template <int width>
  __device__ OfPack<width> of_pack(int64_t, int64_t pack) const {
    OfPack<width> result{x + pack * width, channels / width, {}};
#pragma unroll
    for (int k = 0; k < width; ++k) result.shift[k] = static_cast<T>(x[pack * width + k]);
    return result;
  }
};

template <class S, class T>
struct StoreStatistics {
  const S* x;
  double rows, epsilon, momentum;
  T *moving_mean, *moving_variance, *mean, *inverse_deviation;
  __device__ void operator()(int64_t c, DoublePair sum) const {
    double distance = sum.first / rows, variance = ::fmax(sum.second / rows - distance * distance, 0.0);
    T keep = static_cast<T>(momentum), take = static_cast<T>(1 - momentum);
    mean[c] = static_cast<T>(static_cast<double>(x[c]) + distance);
    inverse_deviation[c] = static_cast<T>(1 / ::sqrt(variance + epsilon));
    moving_mean[c] = moving_mean[c] * keep + mean[c] * take;
    moving_variance[c] = moving_variance[c] * keep + static_cast<T>(variance) * take;
  }
};

template <class T>
using Plain = pointwise::Linear<T>;

}  // namespace

void batch_normalize(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                     const Tensor& variance, double epsilon, const Tensor& y) {
  if (has_bf16({&gamma, &beta, &mean, &variance}))
    return call_in_f32(batch_normalize, x, gamma, beta, mean, variance, epsilon, y);
  visit_compute(x.dtype(), "batch_normalize", [&](auto types) {
    using S = typename decltype(types)::Storage;
    using T = typename decltype(types)::Compute;
    normalize_forward<S>(Plain<T>{}, x, {}, make_affine<T>(gamma, beta, mean, variance, epsilon), y);
  });
}

void batch_statistics(const Tensor& x, double epsilon, double momentum, const Tensor& moving_mean,
                      const Tensor& moving_variance, const Tensor& mean, const Tensor& inverse_deviation) {
  if (has_bf16({&moving_mean, &moving_variance}))
    return call_in_f32(batch_statistics, x, epsilon, momentum, moving_mean, moving_variance, mean,
                       inverse_deviation);
  visit_compute(x.dtype(), "batch_normalize", [&](auto types) {
    using S = typename decltype(types)::Storage;
    using T = typename decltype(types)::Compute;
    int64_t channels = x.shape()[-1], rows = x.shape().rows();
    packed_column_sums<DoublePair>(
        x, 1, rows, channels, ShiftedSquares<S, T>{x.data<S>(), channels}, {x.raw()},
        StoreStatistics<S, T>{x.data<S>(), static_cast<double>(rows), epsilon, momentum,
                              moving_mean.mutable_data<T>(), moving_variance.mutable_data<T>(),
                              mean.mutable_data<T>(), inverse_deviation.mutable_data<T>()});
  });
}

void batch_normalize_training(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& y) {
  if (has_bf16({&gamma, &beta}))
    return call_in_f32(batch_normalize_training, x, gamma, beta, mean, inverse_deviation, y);
  visit_compute(x.dtype(), "batch_normalize", [&](auto types) {
    using S = typename decltype(types)::Storage;
    using T = typename decltype(types)::Compute;
    normalize_forward<S>(Plain<T>{}, x, {}, make_affine<T>(gamma, beta, mean, inverse_deviation), y);
  });
}

void batch_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy, const Tensor& dx,
                              const Tensor& dgamma, const Tensor& dbeta) {
  if (has_bf16({&gamma, &dgamma, &dbeta}))
    return call_in_f32(batch_normalize_backward, x, gamma, mean, inverse_deviation, dy, dx, dgamma, dbeta);
  visit_compute(x.dtype(), "batch_normalize", [&](auto types) {
    using S = typename decltype(types)::Storage;
    using T = typename decltype(types)::Compute;
    normalize_backward<S>(Plain<T>{}, x, {}, make_affine<T>(gamma, {}, mean, inverse_deviation), dy, dx,
                          dgamma, dbeta, {});
  });
}

}  // namespace manul::cuda
