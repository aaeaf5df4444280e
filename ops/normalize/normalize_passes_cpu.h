#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "manul/framework/cpu/eigen.h"
#include "manul/framework/tensor.h"
#include "manul/ops/pointwise/unary_functions.h"

// The passes of a normalization over the channels and of what follows it: an addition, an activation. An
// activation's input is computed again in the backward passes instead of being stored. Included by
// sources without contraction: inference gives the bits of its parts.
namespace manul::cpu {

/// A vector of f32 or f64 as f64.
template <class T>
using Wide = std::array<Vector<double>, sizeof(double) / sizeof(T)>;

template <class T>
[[gnu::always_inline]] inline Wide<T> widen(Vector<T> value) {
  if constexpr (sizeof(T) == sizeof(double))
    return {value};
  else
    return {widen_half<0>(value), widen_half<1>(value)};
}

/// A number for each channel, as whole vectors.
template <class T>
class ChannelValues {
 public:
  /// value(channel) for each.
  template <class Value>
  ChannelValues(int64_t channels, const Value& value)
      : values_(static_cast<size_t>((channels + lanes<T> - 1) / lanes<T> * lanes<T>)) {
    for (int64_t c = 0; c < channels; ++c) values_[c] = static_cast<T>(value(c));
  }
  const T* data() const { return values_.data(); }

 private:
  std::vector<T> values_;
};

/// A channel's z = (x - mean) * factor + shift, factor = gamma * inverse deviation. With `epsilon` >= 0,
/// `deviation` is the variance. gamma and beta may be undefined.
template <class T>
struct ChannelAffine {
  ChannelValues<T> mean, factor, shift;

  ChannelAffine(const Tensor& gamma, const Tensor& beta, const Tensor& means, const Tensor& deviation,
                double epsilon = -1)
      : mean(means.elements(), [from = means.data<T>()](int64_t c) { return from[c]; }),
        factor(means.elements(),
               [&, from = deviation.data<T>()](int64_t c) {
                 T by = gamma.defined() ? gamma.data<T>()[c] : T(1);
                 return epsilon < 0 ? by * from[c] : by / std::sqrt(from[c] + static_cast<T>(epsilon));
               }),
        shift(means.elements(), [&](int64_t c) { return beta.defined() ? beta.data<T>()[c] : T(0); }) {}
};

/// y = function((x - mean) * factor + shift + addend); the addend may be undefined.
template <class T, class F>
void normalize_rows(const F& function, const Tensor& x, const Tensor& addend, const ChannelAffine<T>& affine,
                    const Tensor& y) {
  const T *from = x.data<T>(), *more = addend.defined() ? addend.data<T>() : nullptr;
  const T *mean = affine.mean.data(), *factor = affine.factor.data(), *shift = affine.shift.data();
  T* to = y.mutable_data<T>();
  const int64_t channels = x.shape()[-1];
  auto normalize_row = [=](int64_t row, auto added) {
    for_vectors<T>(channels, [=](int64_t c, int64_t count, auto whole) {
      const int64_t i = row * channels + c;
      Vector<T> z =
          (read_channels(from + i, count, whole) - load(mean + c)) * load(factor + c) + load(shift + c);
      if constexpr (added) z += read_channels(more + i, count, whole);
      write_channels(to + i, function.value(z), count, whole);
    });
  };
  parallel_rows(x.shape().rows(), channels, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      more ? normalize_row(row, std::true_type{}) : normalize_row(row, std::false_type{});
  });
}

/// What a normalization sums up for each channel: a and a * b of all rows.
struct PairSums {
  std::vector<double> first, second;
};

namespace detail {

/// Adds rows [begin, end) of some neighbouring vectors of channels from `first` on, and meanwhile asks for
/// as many rows behind them in `read`: a column of narrow pieces is no stream that a processor foresees.
template <class T, int vectors, class Read, class Term, class Whole>
[[gnu::always_inline]] inline void add_pairs(int64_t begin, int64_t end, int64_t first, int64_t count,
                                             Whole whole, const Read& read, int64_t channels,
                                             const Term& term, double* sums, double* products) {
  constexpr int parts = static_cast<int>(std::tuple_size_v<Wide<T>>), to_second_cache = 2;
  Vector<double> sum[vectors][parts], product[vectors][parts];
  for (int v = 0; v < vectors; ++v)
    for (int k = 0; k < parts; ++k) {
      const int64_t place = first + v * lanes<T> + k * lanes<double>;
      sum[v][k] = load(sums + place);
      product[v][k] = load(products + place);
    }
  for (int64_t row = begin; row < end; ++row)
    for (int v = 0; v < vectors; ++v) {
      const int64_t ahead = (row + end - begin) * channels + first + v * lanes<T>;
      for (const T* from : read) __builtin_prefetch(from + ahead, 0, to_second_cache);
      auto [a, b] = term(row, first + v * lanes<T>, count, whole);
      for (int k = 0; k < parts; ++k) {
        sum[v][k] += a[k];
        product[v][k] += a[k] * b[k];
      }
    }
  for (int v = 0; v < vectors; ++v)
    for (int k = 0; k < parts; ++k) {
      const int64_t place = first + v * lanes<T> + k * lanes<double>;
      store(sums + place, sum[v][k]);
      store(products + place, product[v][k]);
    }
}

}  // namespace detail

/// The sums over the rows of a [rows, channels] matrix; term(row, first channel, count, whole) gives a and b
/// of a vector of channels, widened, from the matrices that `read` has. Added in f64, in an order that
/// depends on the shape alone.
template <class T, class Read, class Term>
PairSums pair_sums(int64_t rows, int64_t channels, const Read& read, const Term& term) {
  constexpr int64_t most_parts = 16, block_elements = 1 << 13;
  constexpr int64_t group = 2 * lanes<T>;
  const int64_t padded = (channels + lanes<T> - 1) / lanes<T> * lanes<T>;
  const int64_t part_rows =
      std::max((rows + most_parts - 1) / most_parts, (elements_a_part + channels - 1) / channels);
  const int64_t parts = (rows + part_rows - 1) / part_rows;
  const int64_t block_rows = std::max<int64_t>(block_elements / channels, 1);
  std::vector<double> memory(static_cast<size_t>(2 * padded * parts));
  parallel_for(rows, part_rows, [&, padded, block_rows](int64_t begin, int64_t end) {
    double* sums = memory.data() + begin / part_rows * 2 * padded;
    double* products = sums + padded;
    for (int64_t row = begin; row < end; row += block_rows) {
      const int64_t last = std::min(row + block_rows, end);
      int64_t c = 0;
      for (; c + group <= channels; c += group)
        detail::add_pairs<T, 2>(row, last, c, lanes<T>, std::true_type{}, read, channels, term, sums,
                                products);
      for_vectors<T>(channels - c, [&](int64_t first, int64_t count, auto whole) {
        detail::add_pairs<T, 1>(row, last, c + first, count, whole, read, channels, term, sums, products);
      });
    }
  });
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t i = 0; i < 2 * padded; ++i) memory[i] += memory[part * 2 * padded + i];
  return {{memory.begin(), memory.begin() + channels},
          {memory.begin() + padded, memory.begin() + padded + channels}};
}

/// Mean and variance of each channel, from one pass: the sums are of distances from the first row, so that
/// little cancels where a mean is far from zero.
template <class T>
struct Statistics {
  std::vector<double> mean, variance;

  explicit Statistics(const Tensor& x) {
    const int64_t rows = x.shape().rows(), channels = x.shape()[-1];
    const T* from = x.data<T>();
    const ChannelValues<double> origin(padded(channels),
                                       [=](int64_t c) { return c < channels ? from[c] : T(0); });
    PairSums sums = pair_sums<T>(rows, channels, std::array<const T*, 1>{from},
                                 [=, at = origin.data()](int64_t row, int64_t c, int64_t count, auto whole) {
                                   Wide<T> distance =
                                       widen<T>(read_channels(from + row * channels + c, count, whole));
                                   for (size_t k = 0; k < distance.size(); ++k)
                                     distance[k] -= load(at + c + k * lanes<double>);
                                   return std::pair(distance, distance);
                                 });
    mean = std::move(sums.first);
    variance = std::move(sums.second);
    const auto n = static_cast<double>(rows);
    for (int64_t c = 0; c < channels; ++c) {
      const double distance = mean[c] / n;
      variance[c] = std::max(variance[c] / n - distance * distance, 0.0);
      mean[c] = origin.data()[c] + distance;
    }
  }

 private:
  static int64_t padded(int64_t channels) { return (channels + lanes<T> - 1) / lanes<T> * lanes<T>; }
};

/// The tensors of a normalization's gradient. The addend and any of dx, dgamma and dbeta may be undefined;
/// dz, the addend's gradient, goes with the addend.
struct NormalizationGradient {
  const Tensor &x, &addend, &dy, &dx, &dgamma, &dbeta, &dz;
};

/// The sums of dz and dz * h for each channel, h = (x - mean) * inverse deviation; dz, the gradient before
/// the activation, is written where there is an addend.
template <class T, class F>
PairSums gradient_sums(const F& function, const NormalizationGradient& of, const ChannelAffine<T>& affine,
                       const ChannelValues<T>& inverse_deviation) {
  const T *x = of.x.data<T>(), *dy = of.dy.data<T>(), *inverse = inverse_deviation.data();
  const T *mean = affine.mean.data(), *factor = affine.factor.data(), *shift = affine.shift.data();
  const T* addend = of.addend.defined() ? of.addend.data<T>() : nullptr;
  T* dz = of.addend.defined() ? of.dz.mutable_data<T>() : nullptr;
  const int64_t channels = of.x.shape()[-1];
  auto sums = [&](auto added, const auto& read) {
    return pair_sums<T>(
        of.x.shape().rows(), channels, read, [=](int64_t row, int64_t c, int64_t count, auto whole) {
          const int64_t i = row * channels + c;
          Vector<T> distance = read_channels(x + i, count, whole) - load(mean + c);
          Vector<T> z = distance * load(factor + c) + load(shift + c);
          if constexpr (added) z += read_channels(addend + i, count, whole);
          Vector<T> arrived =
              read_channels(dy + i, count, whole) * pointwise::derivative_of(function, z, function.value(z));
          if constexpr (added) write_channels(dz + i, arrived, count, whole);
          return std::pair(widen<T>(arrived), widen<T>(distance * load(inverse + c)));
        });
  };
  return addend ? sums(std::true_type{}, std::array<const T*, 3>{x, dy, addend})
                : sums(std::false_type{}, std::array<const T*, 2>{x, dy});
}

/// dx = factor * (dz - mean(dz) - h * mean(dz * h)) from the sums (Ioffe and Szegedy 2015).
template <class T, class F>
void write_input_gradient(const F& function, const NormalizationGradient& of, const ChannelAffine<T>& affine,
                          const ChannelValues<T>& inverse_deviation, const PairSums& sums) {
  const int64_t rows = of.x.shape().rows(), channels = of.x.shape()[-1];
  auto mean_of = [&](const std::vector<double>& sum) {
    return ChannelValues<T>(channels, [&](int64_t c) { return sum[c] / static_cast<double>(rows); });
  };
  const ChannelValues<T> mean_dz = mean_of(sums.first), mean_dzh = mean_of(sums.second);
  const T *x = of.x.data<T>(), *arrived = of.addend.defined() ? of.dz.data<T>() : of.dy.data<T>();
  const T *mean = affine.mean.data(), *factor = affine.factor.data(), *shift = affine.shift.data();
  const T *inverse = inverse_deviation.data(), *of_dz = mean_dz.data(), *of_dzh = mean_dzh.data();
  T* dx = of.dx.mutable_data<T>();
  auto write_row = [=](int64_t row, auto has_dz) {
    for_vectors<T>(channels, [=](int64_t c, int64_t count, auto whole) {
      const int64_t i = row * channels + c;
      Vector<T> distance = read_channels(x + i, count, whole) - load(mean + c), by = load(factor + c);
      Vector<T> dz = read_channels(arrived + i, count, whole);
      if constexpr (!has_dz) {
        Vector<T> z = distance * by + load(shift + c);
        dz *= pointwise::derivative_of(function, z, function.value(z));
      }
      Vector<T> h = distance * load(inverse + c);
      write_channels(dx + i, by * (dz - load(of_dz + c) - h * load(of_dzh + c)), count, whole);
    });
  };
  parallel_rows(rows, channels, [=, has_dz = of.addend.defined()](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      has_dz ? write_row(row, std::true_type{}) : write_row(row, std::false_type{});
  });
}

/// All gradients, in two passes over the pictures.
template <class T, class F>
void normalize_rows_backward(const F& function, const NormalizationGradient& of, const Tensor& gamma,
                             const Tensor& beta, const Tensor& mean, const Tensor& inverse_deviation) {
  const ChannelAffine<T> affine(gamma, beta, mean, inverse_deviation);
  const ChannelValues<T> inverse(mean.elements(),
                                 [from = inverse_deviation.data<T>()](int64_t c) { return from[c]; });
  PairSums sums = gradient_sums(function, of, affine, inverse);
  auto write_sums = [](const std::vector<double>& from, const Tensor& to) {
    if (to.defined())
      std::transform(from.begin(), from.end(), to.mutable_data<T>(),
                     [](double sum) { return static_cast<T>(sum); });
  };
  write_sums(sums.first, of.dbeta);
  write_sums(sums.second, of.dgamma);
  if (of.dx.defined()) write_input_gradient(function, of, affine, inverse, sums);
}

}  // namespace manul::cpu
