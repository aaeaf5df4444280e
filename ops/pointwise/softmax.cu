#include "manul/ops/pointwise/softmax.h"

#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

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

/// x - max - log(sum)
template <class T>
__global__ void log_softmax_rows(const T* x, int64_t rows, int64_t classes, T* y) {
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
  T log_sum = std::log(warp_sum(sum));
  for (int64_t i = lane; i < classes; i += 32) out[i] = (in[i] - top) - log_sum;
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

/// dx = dy - exp(y) * sum(dy)
template <class T>
__global__ void log_softmax_backward_rows(const T* y, const T* dy, int64_t rows, int64_t classes, T* dx) {
  begin_kernel();
  int64_t row = int64_t{blockIdx.x} * warps + threadIdx.x / 32;
  if (row >= rows) return;
  int64_t first = row * classes;
  int lane = threadIdx.x % 32;
  T sum = 0;
  for (int64_t i = lane; i < classes; i += 32) sum += dy[first + i];
  sum = warp_sum(sum);
  for (int64_t i = lane; i < classes; i += 32) dx[first + i] = dy[first + i] - std::exp(y[first + i]) * sum;
}

}  // namespace

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

void log_softmax(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "log_softmax", [&](auto zero) {
    using T = decltype(zero);
    int64_t rows = x.shape().rows();
    launch(context_of(x), log_softmax_rows<T>, blocks_for(rows, warps), row_threads, x.data<T>(), rows,
           x.shape()[-1], y.mutable_data<T>());
  });
}

void log_softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(y.dtype(), "log_softmax", [&](auto zero) {
    using T = decltype(zero);
    int64_t rows = y.shape().rows();
    launch(context_of(y), log_softmax_backward_rows<T>, blocks_for(rows, warps), row_threads, y.data<T>(),
           dy.data<T>(), rows, y.shape()[-1], dx.mutable_data<T>());
  });
}

}  // namespace manul::cuda
