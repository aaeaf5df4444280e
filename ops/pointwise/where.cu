#include "manul/ops/pointwise/where.h"

#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

template <class T>
struct WhereBody {
  const T *condition, *a, *b;
  T* y;
  __device__ void operator()(int64_t i) const {
    const T* from = condition[i] != T(0) ? a : b;
    y[i] = from ? from[i] : T(0);
  }
};

}  // namespace

void where(const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y) {
  visit_float(y.dtype(), "where", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(y), y.elements(),
             WhereBody<T>{condition.data<T>(), data_or_null<T>(a), data_or_null<T>(b), y.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
