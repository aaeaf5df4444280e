#include "manul/framework/cuda/column_sums.h"
#include "manul/ops/normalize/group_normalize.h"

namespace manul::cuda {
namespace {

constexpr int group_threads = 256;

/// Element `i` of group `group`, counted within the group.
__device__ int64_t element_of(const NormalizedGroups& g, int64_t group, int64_t i) {
  int64_t sample = group / g.groups, place = group % g.groups, row = i / g.columns;
  return ((sample * g.rows + row) * g.groups + place) * g.columns + i % g.columns;
}

/// A block for each group.
template <class T>
__global__ void statistics_kernel(const T* x, NormalizedGroups g, double epsilon, T* mean, T* inverse) {
  begin_kernel();
  int64_t group = blockIdx.x, count = g.rows * g.columns;
  double sum = 0, squares = 0;
  for (int64_t i = threadIdx.x; i < count; i += group_threads)
    sum += static_cast<double>(x[element_of(g, group, i)]);
  double centre = block_sum<group_threads>(sum) / static_cast<double>(count);
  for (int64_t i = threadIdx.x; i < count; i += group_threads) {
    double distance = static_cast<double>(x[element_of(g, group, i)]) - centre;
    squares += distance * distance;
  }
  double variance = block_sum<group_threads>(squares) / static_cast<double>(count);
  if (threadIdx.x != 0) return;
  mean[group] = static_cast<T>(centre);
  inverse[group] = static_cast<T>(1 / sqrt(variance + epsilon));
}

template <class T>
struct ForwardBody {
  const T *x, *gamma, *beta, *mean, *inverse;
  NormalizedGroups g;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t group = g.group_of(i), parameter = g.parameter_of(i);
    T value = (x[i] - mean[group]) * inverse[group];
    if (gamma) value *= gamma[parameter];
    y[i] = beta ? value + beta[parameter] : value;
  }
};

/// A block for each group: the sums of e = dy * gamma and of e * h, then dx.
template <class T>
__global__ void input_gradient_kernel(const T* x, const T* gamma, const T* mean, const T* inverse,
                                      const T* dy, NormalizedGroups g, T* dx) {
  begin_kernel();
  int64_t group = blockIdx.x, count = g.rows * g.columns;
  T centre = mean[group], factor = inverse[group];
  double sum = 0, product = 0;
  for (int64_t k = threadIdx.x; k < count; k += group_threads) {
    int64_t i = element_of(g, group, k);
    T e = gamma ? dy[i] * gamma[g.parameter_of(i)] : dy[i];
    sum += static_cast<double>(e);
    product += static_cast<double>(e * ((x[i] - centre) * factor));
  }
  T mean_e = static_cast<T>(block_sum<group_threads>(sum) / static_cast<double>(count));
  T mean_eh = static_cast<T>(block_sum<group_threads>(product) / static_cast<double>(count));
  for (int64_t k = threadIdx.x; k < count; k += group_threads) {
    int64_t i = element_of(g, group, k);
    T e = gamma ? dy[i] * gamma[g.parameter_of(i)] : dy[i];
    dx[i] = factor * (e - mean_e - (x[i] - centre) * factor * mean_eh);
  }
}

template <class T>
struct GradientPair {
  const T *x, *mean, *inverse, *dy;
  NormalizedGroups g;
  __device__ DoublePair operator()(int64_t row, int64_t parameter) const {
    int64_t i = g.element_with(parameter, row), group = g.group_of(i);
    double arrived = dy[i];
    return {arrived, arrived * static_cast<double>((x[i] - mean[group]) * inverse[group])};
  }
};

template <class T>
struct StoreGroupGradients {
  T *dgamma, *dbeta;
  __device__ void operator()(int64_t parameter, DoublePair sum) const {
    if (dbeta) dbeta[parameter] = static_cast<T>(sum.first);
    if (dgamma) dgamma[parameter] = static_cast<T>(sum.second);
  }
};

dim3 block_a_group(const NormalizedGroups& g) {
  return dim3(static_cast<unsigned>(g.samples * g.groups));
}

}  // namespace

void group_statistics(const Tensor& x, const NormalizedGroups& groups, double epsilon, const Tensor& mean,
                      const Tensor& inverse_deviation) {
  visit_float(x.dtype(), "group_normalize", [&](auto zero) {
    using T = decltype(zero);
    launch(context_of(x), statistics_kernel<T>, block_a_group(groups), group_threads, x.data<T>(), groups,
           epsilon, mean.mutable_data<T>(), inverse_deviation.mutable_data<T>());
  });
}

void group_normalize_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                             const Tensor& inverse_deviation, const NormalizedGroups& groups,
                             const Tensor& y) {
  visit_float(x.dtype(), "group_normalize", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), x.elements(),
             ForwardBody<T>{x.data<T>(), data_or_null<T>(gamma), data_or_null<T>(beta), mean.data<T>(),
                            inverse_deviation.data<T>(), groups, y.mutable_data<T>()});
  });
}

void group_normalize_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                              const Tensor& inverse_deviation, const Tensor& dy,
                              const NormalizedGroups& groups, const Tensor& dx, const Tensor& dgamma,
                              const Tensor& dbeta) {
  visit_float(x.dtype(), "group_normalize", [&](auto zero) {
    using T = decltype(zero);
    if (dx.defined())
      launch(context_of(x), input_gradient_kernel<T>, block_a_group(groups), group_threads, x.data<T>(),
             data_or_null<T>(gamma), mean.data<T>(), inverse_deviation.data<T>(), dy.data<T>(), groups,
             dx.mutable_data<T>());
    if (dgamma.defined() || dbeta.defined())
      column_sums<DoublePair>(
          x, x.elements() / groups.parameters, groups.parameters,
          GradientPair<T>{x.data<T>(), mean.data<T>(), inverse_deviation.data<T>(), dy.data<T>(), groups},
          StoreGroupGradients<T>{mutable_data_or_null<T>(dgamma), mutable_data_or_null<T>(dbeta)});
  });
}

}  // namespace manul::cuda
