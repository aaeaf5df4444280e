#include "manul/framework/cuda/launch.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul::cuda {
namespace {

template <class From, class To>
struct CastBody {
  const From* x;
  To* y;
  __device__ void operator()(int64_t i) const { y[i] = static_cast<To>(x[i]); }
};

}  // namespace

void cast(const Tensor& x, const Tensor& y) {
  visit_dtype(x.dtype(), [&](auto from_zero) {
    visit_float(y.dtype(), "cast", [&](auto to_zero) {
      using From = decltype(from_zero);
      using To = decltype(to_zero);
      for_each(context_of(x), x.elements(), CastBody<From, To>{x.data<From>(), y.mutable_data<To>()});
    });
  });
}

}  // namespace manul::cuda
