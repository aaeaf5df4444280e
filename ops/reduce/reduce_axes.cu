#include "manul/ops/reduce/lines_cuda.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/reduce/reductions.h"

namespace manul::cuda {
namespace {

template <class T>
struct StoreTotal {
  T* to;
  template <class Total>
  __device__ void operator()(int64_t line, const Total& total) const {
    to[line] = static_cast<T>(total);
  }
};

struct StorePlace {
  int32_t* to;
  template <class Total>
  __device__ void operator()(int64_t line, const Total& place) const {
    to[line] = static_cast<int32_t>(place.index);
  }
};

template <class T>
struct StoreShare {
  const T* dy;
  T* share;
  __device__ void operator()(int64_t line, int64_t ties) const {
    share[line] = dy[line] / static_cast<T>(ties > 0 ? ties : 1);
  }
};

template <class T>
struct OfLine {
  const T* dy;
  __device__ T operator()(int64_t, int64_t line) const { return dy[line]; }
};

template <class T>
struct ShareOfEqual {
  const T *x, *y, *share;
  __device__ T operator()(int64_t i, int64_t line) const { return x[i] == y[line] ? share[line] : T(0); }
};

constexpr int product_threads = 128;

/// dx of a product: dy times the product of all others. A block a line: each thread has a chunk, knows the
/// products of the chunks before and behind it, and goes through its own in both directions.
template <class T>
__global__ void product_backward(AxisView axis, const T* x, const T* dy, T* dx) {
  begin_kernel();
  __shared__ double products[product_threads];
  int64_t line = blockIdx.x, inner = axis.inner;
  int64_t start = line / inner * axis.length * inner + line % inner;
  int64_t chunk = (axis.length + product_threads - 1) / product_threads;
  int64_t begin = ::min(threadIdx.x * chunk, axis.length), end = ::min(begin + chunk, axis.length);
  double own = 1;
  for (int64_t k = begin; k < end; ++k) own *= static_cast<double>(x[start + k * inner]);
  products[threadIdx.x] = own;
  __syncthreads();
  double before = 1, behind = static_cast<double>(dy[line]);
  for (int thread = 0; thread < threadIdx.x; ++thread) before *= products[thread];
  for (int thread = threadIdx.x + 1; thread < product_threads; ++thread) behind *= products[thread];
  for (int64_t k = begin; k < end; ++k) {
    dx[start + k * inner] = static_cast<T>(before);
    before *= static_cast<double>(x[start + k * inner]);
  }
  for (int64_t k = end - 1; k >= begin; --k) {
    T& to = dx[start + k * inner];
    to = static_cast<T>(static_cast<double>(to) * behind);
    behind *= static_cast<double>(x[start + k * inner]);
  }
}

template <class T, class Function>
void map_lines(const AxisView& axis, const Tensor& to, const Function& function) {
  for_each(context_of(to), to.elements(), MapLines<T, Function>{axis, function, to.mutable_data<T>()});
}

}  // namespace

void reduce_axis(Reduction reduction, const AxisView& axis, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "reduction", [&](auto zero) {
    using T = decltype(zero);
    reductions::visit<T>(reduction, [&](const auto& function) {
      reduce_lines<T>(x, axis, function, StoreTotal<T>{y.mutable_data<T>()});
    });
  });
}

void reduce_axis_backward(Reduction reduction, const AxisView& axis, const Tensor& x, const Tensor& y,
                          const Tensor& dy, const Tensor& dx) {
  visit_float(dy.dtype(), "reduction", [&](auto zero) {
    using T = decltype(zero);
    if (reduction == Reduction::sum) {
      map_lines<T>(axis, dx, OfLine<T>{dy.data<T>()});
    } else if (reduction == Reduction::product) {
      launch(context_of(x), product_backward<T>, dim3(static_cast<unsigned>(axis.lines())), product_threads,
             axis, x.data<T>(), dy.data<T>(), dx.mutable_data<T>());
    } else {
      Tensor share = Tensor::empty_like(dy);
      reduce_lines<T>(x, axis, reductions::Ties<T>{y.data<T>()},
                      StoreShare<T>{dy.data<T>(), share.mutable_data<T>()});
      map_lines<T>(axis, dx, ShareOfEqual<T>{x.data<T>(), y.data<T>(), share.data<T>()});
    }
  });
}

void arg_extreme(bool largest, const AxisView& axis, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), largest ? "argmax" : "argmin", [&](auto zero) {
    using T = decltype(zero);
    StorePlace store{y.mutable_data<int32_t>()};
    if (largest)
      reduce_lines<T>(x, axis, reductions::ArgExtreme<T, true>{}, store);
    else
      reduce_lines<T>(x, axis, reductions::ArgExtreme<T, false>{}, store);
  });
}

}  // namespace manul::cuda
