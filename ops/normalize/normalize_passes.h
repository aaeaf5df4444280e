#pragma once

#include "manul/framework/cuda/packed_column_sums.h"
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
/// activation, is kept if there is room for it (with_dz): it is the gradient of what was added as well.
template <class F, class S, class T, bool with_dz>
struct GradientPairs {
  using Element = S;
  using Part = Pair<T>;
  static constexpr int rows_at_once = with_dz ? 2 : 4;
  F function;
  MakeAffine<T> make;
  const S *x, *addend, *dy;
  int64_t channels;
  S* dz;

  template <int width>
  struct Loaded {
    Pack<S, width> x, dy, addend;
  };
  template <int width>
  struct OfPack {
    const GradientPairs& all;
    ChannelAffine<T> affine[width];
    T inverse[width];
    int64_t first;

    __device__ int64_t place(int64_t row) const { return row * (all.channels / width) + first; }
    __device__ Loaded<width> load(int64_t row) const {
      Loaded<width> loaded;
      loaded.x = pack<S, width>(all.x, place(row));
      loaded.dy = pack<S, width>(all.dy, place(row));
      if constexpr (with_dz)
        if (all.addend) loaded.addend = pack<S, width>(all.addend, place(row));
      return loaded;
    }
    __device__ void add(const Loaded<width>& loaded, int64_t row, Part (&parts)[width]) const {
      Pack<S, width> kept;
#pragma unroll
      for (int k = 0; k < width; ++k) {
        T x = static_cast<T>(loaded.x.values[k]), z = affine[k](x);
        if constexpr (with_dz)
          if (all.addend) z += static_cast<T>(loaded.addend.values[k]);
        T arrived = static_cast<T>(loaded.dy.values[k]) *
                    pointwise::derivative_of(all.function, z, all.function.value(z));
        kept.values[k] = static_cast<S>(arrived);
        parts[k].first += arrived;
        parts[k].second += arrived * ((x - affine[k].mean) * inverse[k]);
      }
      if constexpr (with_dz) mutable_pack<width>(all.dz, place(row)) = kept;
    }
  };
  template <int width>
  __device__ OfPack<width> of_pack(int64_t, int64_t pack) const {
    OfPack<width> result{*this, {}, {}, pack};
#pragma unroll
    for (int k = 0; k < width; ++k) {
      result.affine[k] = make(pack * width + k);
      result.inverse[k] = make.deviation[pack * width + k];
    }
    return result;
  }
};

template <class T>
struct StoreNormalizeGradients {
  T *dbeta, *dgamma;
  Pair<T>* means;
  double rows;
  __device__ void operator()(int64_t c, DoublePair sum) const {
    if (dbeta) dbeta[c] = static_cast<T>(sum.first);
    if (dgamma) dgamma[c] = static_cast<T>(sum.second);
    means[c] = {static_cast<T>(sum.first / rows), static_cast<T>(sum.second / rows)};
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
  const Pair<T>* means;
  __device__ ChannelGradient<T> operator()(int64_t c) const {
    return {make(c), make.deviation[c], means[c].first, means[c].second};
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
  Tensor means = Tensor::empty({channels, 2}, dtype_of<T>, x.device());
  auto* pairs = reinterpret_cast<Pair<T>*>(means.mutable_data<T>());
  auto sum_pairs = [&]<bool with_dz>(std::bool_constant<with_dz>) {
    packed_column_sums<DoublePair>(
        x, 1, rows, channels,
        GradientPairs<F, S, T, with_dz>{function, make, x.data<S>(), data_or_null<S>(addend), dy.data<S>(),
                                        channels, mutable_data_or_null<S>(dz)},
        {x.raw(), data_or_null<S>(addend), dy.raw(), mutable_data_or_null<S>(dz)},
        StoreNormalizeGradients<T>{mutable_data_or_null<T>(dbeta), mutable_data_or_null<T>(dgamma), pairs,
                                   static_cast<double>(rows)});
  };
  dz.defined() ? sum_pairs(std::true_type{}) : sum_pairs(std::false_type{});
  if (!dx.defined()) return;
  const S* arrived = dz.defined() ? dz.data<S>() : dy.data<S>();
  channelwise(context_of(x), rows, channels, MakeGradient<T>{make, pairs},
              NormalizedGradient<F>{function, dz.defined()}, dx.mutable_data<S>(), x.data<S>(), arrived);
}

}  // namespace manul::cuda
