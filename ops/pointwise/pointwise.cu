#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/launch.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/pointwise/pointwise_functions.h"

namespace manul::cuda {
namespace {

template <class F, class T>
struct BinaryBody {
  const T *a, *b;
  T* y;
  int64_t period;
  __device__ void operator()(int64_t i) const { y[i] = F::value(a[i], b[period == 1 ? 0 : i % period]); }
};

/// The case that memory alone limits: four elements a thread, 16 bytes a load.
template <class F>
struct BinaryBody4 {
  const float4 *a, *b;
  float4* y;
  __device__ void operator()(int64_t i) const {
    float4 p = a[i], q = b[i];
    y[i] = {F::value(p.x, q.x), F::value(p.y, q.y), F::value(p.z, q.z), F::value(p.w, q.w)};
  }
};

bool allows_vectors(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers)
    if (reinterpret_cast<uintptr_t>(pointer) % sizeof(float4) != 0) return false;
  return true;
}

template <class F, class T>
struct BinaryBackwardA {
  const T *a, *b, *dy;
  T* da;
  int64_t period;
  __device__ void operator()(int64_t i) const {
    da[i] = dy[i] * F::derivative_a(a[i], b[period == 1 ? 0 : i % period]);
  }
};

template <class F, class T>
struct BinaryBackwardB {
  const T *a, *b, *dy;
  T* db;
  __device__ void operator()(int64_t i) const { db[i] = dy[i] * F::derivative_b(a[i], b[i]); }
};

/// The same where b repeats: one repetition a row.
template <class F, class T>
struct BinaryBackwardBElement {
  const T *a, *b, *dy;
  int64_t period;
  __device__ double operator()(int64_t row, int64_t column) const {
    int64_t i = row * period + column;
    return static_cast<double>(dy[i] * F::derivative_b(a[i], b[column]));
  }
};

template <class F, class T>
struct UnaryBody {
  const T* x;
  T* y;
  __device__ void operator()(int64_t i) const { y[i] = F::value(x[i]); }
};

template <class F, class T>
struct UnaryBackwardBody {
  const T *x, *y, *dy;
  T* dx;
  __device__ void operator()(int64_t i) const { dx[i] = dy[i] * F::derivative(x[i], y[i]); }
};

template <class T>
struct ScaleBody {
  const T* x;
  T factor, offset;
  T* y;
  __device__ void operator()(int64_t i) const { y[i] = x[i] * factor + offset; }
};

constexpr int row_threads = 256, warps = row_threads / 32;

/// A warp a row.
template <class T>
__global__ void softmax_rows(const T* x, int64_t rows, int64_t classes, T* y) {
  begin_kernel();
  int64_t row = int64_t{blockIdx.x} * warps + threadIdx.x / 32;
  if (row >= rows) return;
  const T* in = x + row * classes;
  T* out = y + row * classes;
  int lane = threadIdx.x % 32;
  T top = in[0];
  for (int64_t i = lane; i < classes; i += 32) top = in[i] > top ? in[i] : top;
  top = warp_max(top);
  T sum = 0;
  for (int64_t i = lane; i < classes; i += 32) sum += std::exp(in[i] - top);
  sum = warp_sum(sum);
  for (int64_t i = lane; i < classes; i += 32) out[i] = std::exp(in[i] - top) / sum;
}

/// dx = y * (dy - sum(y * dy))
template <class T>
__global__ void softmax_backward_rows(const T* y, const T* dy, int64_t rows, int64_t classes, T* dx) {
  begin_kernel();
  int64_t row = int64_t{blockIdx.x} * warps + threadIdx.x / 32;
  if (row >= rows) return;
  int64_t first = row * classes;
  int lane = threadIdx.x % 32;
  T sum = 0;
  for (int64_t i = lane; i < classes; i += 32) sum += y[first + i] * dy[first + i];
  sum = warp_sum(sum);
  for (int64_t i = lane; i < classes; i += 32) dx[first + i] = y[first + i] * (dy[first + i] - sum);
}

}  // namespace

void binary(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y) {
  const Context& context = context_of(a);
  int64_t elements = a.elements(), period = b.elements();
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      using F = decltype(function);
      int64_t done = 0;
      if constexpr (std::is_same_v<T, float>) {
        if (period == elements && allows_vectors({a.raw(), b.raw(), y.raw()})) {
          done = elements / 4 * 4;
          for_each(context, elements / 4,
                   BinaryBody4<F>{reinterpret_cast<const float4*>(a.data<float>()),
                                  reinterpret_cast<const float4*>(b.data<float>()),
                                  reinterpret_cast<float4*>(y.mutable_data<float>())});
        }
      }
      if (done == elements) return;
      const T* from_b = b.data<T>() + (period == elements ? done : 0);
      for_each(context, elements - done,
               BinaryBody<F, T>{a.data<T>() + done, from_b, y.mutable_data<T>() + done,
                                period == elements ? elements - done : period});
    });
  });
}

void binary_backward(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da,
                     const Tensor& db) {
  const Context& context = context_of(a);
  int64_t elements = a.elements(), period = b.elements();
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      using F = decltype(function);
      const T *x = a.data<T>(), *z = b.data<T>(), *arrived = dy.data<T>();
      if (da.defined())
        for_each(context, elements, BinaryBackwardA<F, T>{x, z, arrived, da.mutable_data<T>(), period});
      if (!db.defined()) return;
      if (period == elements)
        for_each(context, elements, BinaryBackwardB<F, T>{x, z, arrived, db.mutable_data<T>()});
      else
        column_sums<double>(a, period == 0 ? 0 : elements / period, period,
                            BinaryBackwardBElement<F, T>{x, z, arrived, period},
                            StoreSum<T>{db.mutable_data<T>()});
    });
  });
}

void unary(Unary operation, const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      for_each(context_of(x), x.elements(),
               UnaryBody<decltype(function), T>{x.data<T>(), y.mutable_data<T>()});
    });
  });
}

void unary_backward(Unary operation, const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(x.dtype(), "elementwise function", [&](auto zero) {
    using T = decltype(zero);
    pointwise::visit(operation, [&](auto function) {
      for_each(context_of(x), x.elements(),
               UnaryBackwardBody<decltype(function), T>{x.data<T>(), y.data<T>(), dy.data<T>(),
                                                        dx.mutable_data<T>()});
    });
  });
}

void scale(const Tensor& x, double factor, double offset, const Tensor& y) {
  visit_float(x.dtype(), "scale", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), x.elements(),
             ScaleBody<T>{x.data<T>(), static_cast<T>(factor), static_cast<T>(offset), y.mutable_data<T>()});
  });
}

void softmax(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    int64_t rows = x.shape().rows();
    launch(context_of(x), softmax_rows<T>, blocks_for(rows, warps), row_threads, x.data<T>(), rows,
           x.shape()[-1], y.mutable_data<T>());
  });
}

void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(y.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    int64_t rows = y.shape().rows();
    launch(context_of(y), softmax_backward_rows<T>, blocks_for(rows, warps), row_threads, y.data<T>(),
           dy.data<T>(), rows, y.shape()[-1], dx.mutable_data<T>());
  });
}

}  // namespace manul::cuda
