#include "manul/framework/cuda/launch.h"
#include "softsign.h"

namespace mine::cuda {
namespace {

template <class T>
struct Forward {
  const T* x;
  T* y;
  __device__ void operator()(int64_t i) const { y[i] = softsign_of(x[i]); }
};

template <class T>
struct Backward {
  const T *x, *dy;
  T* dx;
  __device__ void operator()(int64_t i) const { dx[i] = dy[i] * softsign_derivative(x[i]); }
};

}  // namespace

void softsign(const Tensor& x, const Tensor& y) {
  manul::visit_float(x.dtype(), "softsign", [&](auto zero) {
    using T = decltype(zero);
    manul::cuda::for_each(manul::cuda::context_of(x), x.elements(),
                          Forward<T>{x.data<T>(), y.mutable_data<T>()});
  });
}

void softsign_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) {
  manul::visit_float(x.dtype(), "softsign_backward", [&](auto zero) {
    using T = decltype(zero);
    manul::cuda::for_each(manul::cuda::context_of(x), x.elements(),
                          Backward<T>{x.data<T>(), dy.data<T>(), dx.mutable_data<T>()});
  });
}

}  // namespace mine::cuda
