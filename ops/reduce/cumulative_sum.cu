#include "manul/framework/cuda/launch.h"
#include "manul/ops/reduce/cumulative_sum.h"

namespace manul::cuda {
namespace {

constexpr int scan_threads = 256;

/// The sum over this thread and those before it in the block.
__device__ double scan(double value, double* shared) {
  for (int distance = 1; distance < scan_threads; distance *= 2) {
    __syncthreads();
    shared[threadIdx.x] = value;
    __syncthreads();
    if (threadIdx.x >= distance) value += shared[threadIdx.x - distance];
  }
  return value;
}

/// A block a line, which it goes through in steps of its threads.
template <class T>
__global__ void scan_line(AxisView axis, CumulativeSumOptions options, const T* x, T* y) {
  begin_kernel();
  __shared__ double shared[scan_threads];
  int64_t line = blockIdx.x;
  int64_t start = line / axis.inner * axis.length * axis.inner + line % axis.inner;
  double before = 0;
  for (int64_t first = 0; first < axis.length; first += scan_threads) {
    int64_t k = first + threadIdx.x;
    bool inside = k < axis.length;
    int64_t i = start + (options.reverse ? axis.length - 1 - k : k) * axis.inner;
    double own = inside ? static_cast<double>(x[i]) : 0;
    double sum = before + scan(own, shared);
    if (inside) y[i] = static_cast<T>(options.exclusive ? sum - own : sum);
    __syncthreads();
    if (threadIdx.x == scan_threads - 1) shared[0] = sum;
    __syncthreads();
    before = shared[0];
  }
}

/// A thread a line: for short lines.
template <class T>
struct SumLine {
  AxisView axis;
  CumulativeSumOptions options;
  const T* x;
  T* y;
  __device__ void operator()(int64_t line) const {
    int64_t start = line / axis.inner * axis.length * axis.inner + line % axis.inner;
    double sum = 0;
    for (int64_t k = 0; k < axis.length; ++k) {
      int64_t i = start + (options.reverse ? axis.length - 1 - k : k) * axis.inner;
      double before = sum;
      sum += static_cast<double>(x[i]);
      y[i] = static_cast<T>(options.exclusive ? before : sum);
    }
  }
};

}  // namespace

void cumulative_sum(const AxisView& axis, const CumulativeSumOptions& options, const Tensor& x,
                    const Tensor& y) {
  visit_float(x.dtype(), "cumulative_sum", [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t short_line = 32;
    const Context& context = context_of(x);
    if (axis.length <= short_line)
      for_each(context, axis.lines(), SumLine<T>{axis, options, x.data<T>(), y.mutable_data<T>()});
    else
      launch(context, scan_line<T>, dim3(static_cast<unsigned>(axis.lines())), scan_threads, axis, options,
             x.data<T>(), y.mutable_data<T>());
  });
}

}  // namespace manul::cuda
