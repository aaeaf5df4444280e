#include "manul/ops/reduce/reduce.h"

#include "manul/framework/cuda/column_sums.h"

namespace manul::cuda {
namespace {

template <class T>
struct SpreadBody {
  const T* dy;
  T scale;
  T* dx;
  __device__ void operator()(int64_t i) const { dx[i] = scale * *dy; }
};

}  // namespace

void sum(const Tensor& x, double scale, const Tensor& y) {
  visit_float(x.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    column_sums<double>(x, x.elements(), 1, MatrixElement<T>{x.data<T>(), 1},
                        StoreSum<T>{y.mutable_data<T>(), scale});
  });
}

void sum_backward(const Tensor& dy, double scale, const Tensor& dx) {
  visit_float(dy.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dx), dx.elements(),
             SpreadBody<T>{dy.data<T>(), static_cast<T>(scale), dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
