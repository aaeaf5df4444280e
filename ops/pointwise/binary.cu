#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/launch.h"
#include "manul/ops/pointwise/binary_functions.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul::cuda {
namespace {

template <class T, class Use>
void visit_binary(Binary operation, Use&& use) {
  pointwise::visit<T>(pointwise::BinaryFunctions{}, operation.function, {}, use);
}

template <class F, class T>
struct BinaryBody {
  F function;
  const T *a, *b;
  T* y;
  int64_t period;
  __device__ void operator()(int64_t i) const {
    y[i] = function.value(a[i], b[period == 1 ? 0 : i % period]);
  }
};

/// The case that memory alone limits: four elements a thread, 16 bytes a load.
template <class F>
struct BinaryBody4 {
  F function;
  const float4 *a, *b;
  float4* y;
  __device__ void operator()(int64_t i) const {
    float4 p = a[i], q = b[i];
    y[i] = {function.value(p.x, q.x), function.value(p.y, q.y), function.value(p.z, q.z),
            function.value(p.w, q.w)};
  }
};

bool allows_vectors(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers)
    if (reinterpret_cast<uintptr_t>(pointer) % sizeof(float4) != 0) return false;
  return true;
}

template <class F, class T>
struct BinaryBackwardA {
  F function;
  const T *a, *b, *dy;
  T* da;
  int64_t period;
  __device__ void operator()(int64_t i) const {
    da[i] = dy[i] * function.derivative_a(a[i], b[period == 1 ? 0 : i % period]);
  }
};

template <class F, class T>
struct BinaryBackwardB {
  F function;
  const T *a, *b, *dy;
  T* db;
  __device__ void operator()(int64_t i) const { db[i] = dy[i] * function.derivative_b(a[i], b[i]); }
};

/// The same where b repeats: one repetition a row.
template <class F, class T>
struct BinaryBackwardBElement {
  F function;
  const T *a, *b, *dy;
  int64_t period;
  __device__ double operator()(int64_t row, int64_t column) const {
    int64_t i = row * period + column;
    return static_cast<double>(dy[i] * function.derivative_b(a[i], b[column]));
  }
};

}  // namespace

void binary(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y) {
  const Context& context = context_of(a);
  int64_t elements = a.elements(), period = b.elements();
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) {
      using F = decltype(function);
      int64_t done = 0;
      if constexpr (std::is_same_v<T, float>) {
        if (period == elements && allows_vectors({a.raw(), b.raw(), y.raw()})) {
          done = elements / 4 * 4;
          for_each(context, elements / 4,
                   BinaryBody4<F>{function, reinterpret_cast<const float4*>(a.data<float>()),
                                  reinterpret_cast<const float4*>(b.data<float>()),
                                  reinterpret_cast<float4*>(y.mutable_data<float>())});
        }
      }
      if (done == elements) return;
      const T* from_b = b.data<T>() + (period == elements ? done : 0);
      for_each(context, elements - done,
               BinaryBody<F, T>{function, a.data<T>() + done, from_b, y.mutable_data<T>() + done,
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
    visit_binary<T>(operation, [&](auto function) {
      using F = decltype(function);
      if constexpr (pointwise::has_gradient<F, T>) {
        const T *x = a.data<T>(), *z = b.data<T>(), *arrived = dy.data<T>();
        if (da.defined())
          for_each(context, elements,
                   BinaryBackwardA<F, T>{function, x, z, arrived, da.mutable_data<T>(), period});
        if (!db.defined()) return;
        if (period == elements)
          for_each(context, elements, BinaryBackwardB<F, T>{function, x, z, arrived, db.mutable_data<T>()});
        else
          column_sums<double>(a, period == 0 ? 0 : elements / period, period,
                              BinaryBackwardBElement<F, T>{function, x, z, arrived, period},
                              StoreSum<T>{db.mutable_data<T>()});
      }
    });
  });
}

}  // namespace manul::cuda
