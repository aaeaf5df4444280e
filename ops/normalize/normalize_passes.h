#pragma once

#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/pointwise/unary_functions.h"

// The passes of a normalization over the channels and of what follows it: an addition, an activation; for .cu
// files. An activation's input is computed again in the backward passes instead of being stored. Pictures lie
// in memory as S; parameters, statistics and arithmetic are T.
namespace manul::cuda {

/// A channel's y = (x - mean) * factor + shift.
template <class T>
struct ChannelAffine {
  T mean, factor, shift;
  __device__ T operator()(T x) const { return fma(x - mean, factor, shift); }
};

/// Makes it: factor = gamma * inverse deviation. With `epsilon` >= 0, `deviation` is the variance.
template <class T>
struct MakeAffine {
  const T *gamma, *beta, *mean, *deviation;
  T epsilon = T(-1);
  __device__ ChannelAffine<T> operator()(int64_t c) const {
    T by = gamma ? gamma[c] : T(1);
    T factor = epsilon < T(0) ? by * deviation[c] : by / std::sqrt(deviation[c] + epsilon);
    return {mean[c], factor, beta ? beta[c] : T(0)};
  }
};

/// y from x, and from what is added if there is that.
template <class F>
struct NormalizedValue {
  F function;
  template <class T>
  __device__ T operator()(const ChannelAffine<T>& affine, T x) const {
    return function.value(affine(x));
  }
  template <class T>
  __device__ T operator()(const ChannelAffine<T>& affine, T x, T addend) const {
    return function.value(affine(x) + addend);
  }
};

/// {dz, dz * h} of the elements of a channel, h = (x - mean) * inverse deviation; dz, the gradient before the
/// activation, is kept if there is room for it: it is the gradient of what was added as well.
template <class F, class S, class T>
struct GradientPairs {
  F function;
  MakeAffine<T> make;
  const S *x, *addend, *dy;
  int64_t channels;
  S* dz;

  struct OfChannel {
    GradientPairs all;
    ChannelAffine<T> affine;
    T inverse;
    int64_t c;
    __device__ DoublePair operator()(int64_t row) const {
      int64_t i = row * all.channels + c;
      T x = all.x[i], z = affine(x);
      if (all.addend) z += static_cast<T>(all.addend[i]);
      T arrived =
          static_cast<T>(all.dy[i]) * pointwise::derivative_of(all.function, z, all.function.value(z));
      if (all.dz) all.dz[i] = static_cast<S>(arrived);
      return {arrived, static_cast<double>(arrived) * static_cast<double>((x - affine.mean) * inverse)};
    }
  };
  __device__ OfChannel of(int64_t c) const { return {*this, make(c), make.deviation[c], c}; }
};

template <class T>
struct StoreNormalizeGradients {
  T *dbeta, *dgamma;
  DoublePair* sums;
  __device__ void operator()(int64_t c, DoublePair sum) const {
    if (dbeta) dbeta[c] = static_cast<T>(sum.first);
    if (dgamma) dgamma[c] = static_cast<T>(sum.second);
    sums[c] = sum;
  }
};

template <class T>
struct ChannelGradient {
  ChannelAffine<T> affine;
  T inverse, mean_dz, mean_dzh;
};
template <class T>
struct MakeGradient {
  MakeAffine<T> make;
  const DoublePair* sums;
  double rows;
  __device__ ChannelGradient<T> operator()(int64_t c) const {
    return {make(c), make.deviation[c], static_cast<T>(sums[c].first / rows),
            static_cast<T>(sums[c].second / rows)};
  }
};

/// dx = gamma * inverse deviation * (dz - mean(dz) - h * mean(dz * h)).
template <class F>
struct NormalizedGradient {
  F function;
  bool has_dz;  // `arrived` is dz, not dy
  template <class T>
  __device__ T operator()(const ChannelGradient<T>& c, T x, T arrived) const {
    if (!has_dz) {
      T z = c.affine(x);
      arrived *= pointwise::derivative_of(function, z, function.value(z));
    }
    T h = (x - c.affine.mean) * c.inverse;
    return c.affine.factor * (arrived - c.mean_dz - h * c.mean_dzh);
  }
};

/// Whether one of the parameters or statistics is bf16, which the passes do not know.
inline bool has_bf16(std::initializer_list<const Tensor*> parameters) {
  return std::any_of(parameters.begin(), parameters.end(),
                     [](const Tensor* p) { return p->defined() && p->dtype() == DType::bf16; });
}

/// gamma and beta may be undefined.
template <class T>
MakeAffine<T> make_affine(const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                          const Tensor& deviation, double epsilon = -1) {
  return {data_or_null<T>(gamma), data_or_null<T>(beta), mean.data<T>(), deviation.data<T>(),
          static_cast<T>(epsilon)};
}

template <class S, class T, class F>
void normalize_forward(const F& function, const Tensor& x, const Tensor& addend, const MakeAffine<T>& make,
                       const Tensor& y) {
  int64_t rows = x.shape().rows(), channels = x.shape()[-1];
  const Context& context = context_of(x);
  if (addend.defined())
    channelwise(context, rows, channels, make, NormalizedValue<F>{function}, y.mutable_data<S>(), x.data<S>(),
                addend.data<S>());
  else
    channelwise(context, rows, channels, make, NormalizedValue<F>{function}, y.mutable_data<S>(),
                x.data<S>());
}

/// Any of dx, dgamma, dbeta may be undefined. With an addend, `dz` is needed.
template <class S, class T, class F>
void normalize_backward(const F& function, const Tensor& x, const Tensor& addend, const MakeAffine<T>& make,
                        const Tensor& dy, const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta,
                        const Tensor& dz) {
  int64_t rows = x.shape().rows(), channels = x.shape()[-1];
  Tensor sums = Tensor::empty({channels, 2}, DType::f64, x.device());
  auto* pairs = reinterpret_cast<DoublePair*>(sums.mutable_data<double>());
  column_sums<DoublePair>(
      x, rows, channels,
      GradientPairs<F, S, T>{function, make, x.data<S>(), data_or_null<S>(addend), dy.data<S>(), channels,
                             mutable_data_or_null<S>(dz)},
      StoreNormalizeGradients<T>{mutable_data_or_null<T>(dbeta), mutable_data_or_null<T>(dgamma), pairs});
  if (!dx.defined()) return;
  const S* arrived = dz.defined() ? dz.data<S>() : dy.data<S>();
  channelwise(context_of(x), rows, channels, MakeGradient<T>{make, pairs, static_cast<double>(rows)},
              NormalizedGradient<F>{function, dz.defined()}, dx.mutable_data<S>(), x.data<S>(), arrived);
}

}  // namespace manul::cuda
