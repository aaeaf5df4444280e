#include "manul/ops/constraints/norm_limits.h"

#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

template <class T>
struct LimitNorm {
  T* weight;
  NormWalk walk;
  NormLimits limits;
  __device__ void operator()(int64_t cell) const { walk.limit(limits, cell, weight); }
};

template <class T>
struct MakeNonNegative {
  T* weight;
  __device__ void operator()(int64_t i) const { weight[i] = weight[i] < 0 ? T(0) : weight[i]; }
};

}  // namespace

void limit_norms(const Tensor& weight, const NormWalk& walk, const NormLimits& limits) {
  visit_float(weight.dtype(), "limit_norms", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(weight), walk.cells, LimitNorm<T>{weight.mutable_data<T>(), walk, limits});
  });
}

void make_non_negative(const Tensor& weight) {
  visit_float(weight.dtype(), "make_non_negative", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(weight), weight.elements(), MakeNonNegative<T>{weight.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
