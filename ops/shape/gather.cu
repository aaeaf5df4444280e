#include "manul/framework/cuda/launch.h"
#include "manul/ops/shape/gather.h"

namespace manul::cuda {
namespace {

/// Indices of any dtype as integers, -1 where they are not in 0 .. length - 1.
struct Indices {
  const void* raw;
  DType dtype;
  int64_t length;

  __device__ int64_t operator[](int64_t i) const {
    double value = dtype == DType::i32   ? static_cast<const int32_t*>(raw)[i]
                   : dtype == DType::f32 ? static_cast<double>(static_cast<const float*>(raw)[i])
                   : dtype == DType::f64 ? static_cast<const double*>(raw)[i]
                                         : static_cast<const uint8_t*>(raw)[i];
    return value >= 0 && value < static_cast<double>(length) ? static_cast<int64_t>(value) : -1;
  }
};

Indices indices_in(const Tensor& indices, int64_t length) {
  const void* raw = nullptr;
  visit_dtype(indices.dtype(), [&](auto zero) { raw = indices.data<decltype(zero)>(); });
  return {raw, indices.dtype(), length};
}

template <class T>
struct GatherBody {
  const T* x;
  T* y;
  Indices indices;
  int64_t count, inner;
  __device__ void operator()(int64_t i) const {
    int64_t column = i % inner, row = i / inner;
    int64_t place = indices[row % count];
    y[i] = place < 0 ? T(0) : x[(row / count * indices.length + place) * inner + column];
  }
};

constexpr int scatter_threads = 256;

/// A block adds up one row of dx: it looks through all indices for those of its row, in order.
template <class T>
__global__ void gather_backward_rows(const T* dy, Indices indices, int64_t outer, int64_t count,
                                     int64_t inner, T* dx) {
  begin_kernel();
  __shared__ int found[scatter_threads];
  int64_t place = blockIdx.x;
  for (int64_t o = blockIdx.y; o < outer; o += gridDim.y) {
    T* sum = dx + (o * indices.length + place) * inner;
    for (int64_t column = threadIdx.x; column < inner; column += scatter_threads) sum[column] = 0;
    for (int64_t first = 0; first < count; first += scatter_threads) {
      int64_t i = first + threadIdx.x;
      int is_here = i < count && indices[i] == place;
      if (!__syncthreads_or(is_here)) continue;
      found[threadIdx.x] = is_here;
      __syncthreads();
      for (int k = 0; k < scatter_threads; ++k)
        if (found[k])
          for (int64_t column = threadIdx.x; column < inner; column += scatter_threads)
            sum[column] += dy[(o * count + first + k) * inner + column];
    }
  }
}

template <class T>
struct OneHotBody {
  Indices indices;
  T* y;
  __device__ void operator()(int64_t i) const {
    y[i] = indices[i / indices.length] == i % indices.length ? T(1) : T(0);
  }
};

}  // namespace

void gather(const Tensor& x, const Tensor& indices, const Tensor& y) {
  visit_bits(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(x), y.elements(),
             GatherBody<T>{x.bits<T>(), y.mutable_bits<T>(), indices_in(indices, x.shape()[1]), y.shape()[1],
                           y.shape()[2]});
  });
}

void gather_backward(const Tensor& indices, const Tensor& dy, const Tensor& dx) {
  visit_float(dy.dtype(), "gather", [&](auto zero) {
    using T = decltype(zero);
    dim3 grid(static_cast<unsigned>(dx.shape()[1]),
              static_cast<unsigned>(std::min<int64_t>(dx.shape()[0], 32768)));
    launch(context_of(dy), gather_backward_rows<T>, grid, scatter_threads, dy.data<T>(),
           indices_in(indices, dx.shape()[1]), dx.shape()[0], dy.shape()[1], dx.shape()[2],
           dx.mutable_data<T>());
  });
}

void one_hot(const Tensor& indices, const Tensor& y) {
  visit_dtype(y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(y), y.elements(),
             OneHotBody<T>{indices_in(indices, y.shape()[-1]), y.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
