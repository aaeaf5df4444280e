#include "manul/framework/cuda/column_sums.h"
#include "manul/ops/shape/broadcast.h"

namespace manul::cuda {
namespace {

template <class T>
struct StridedElement {
  const T* from;
  StridedBox kept, repeated;
  __device__ double operator()(int64_t row, int64_t column) const {
    return static_cast<double>(from[kept.offset(column) + repeated.offset(row)]);
  }
};

}  // namespace

void sum_strided(const Tensor& y, const StridedBox& kept, const StridedBox& repeated, const Tensor& x) {
  visit_float(y.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    column_sums<double>(y, repeated.elements(), x.elements(), StridedElement<T>{y.data<T>(), kept, repeated},
                        StoreSum<T>{x.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
