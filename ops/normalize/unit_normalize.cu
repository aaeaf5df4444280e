#include "manul/framework/cuda/launch.h"
#include "manul/ops/normalize/unit_normalize.h"
#include "manul/ops/normalize/unit_normalize_function.h"

namespace manul::cuda {
namespace {

constexpr int threads = 128;

/// Elements that are normalized together: a block for each such line.
struct Line {
  int64_t first, step, end;
  __device__ Line(int64_t inside, int64_t behind)
      : first(blockIdx.x / behind * behind * inside + blockIdx.x % behind),
        step(behind),
        end(first + inside * behind) {}
};

template <class T>
__global__ void forward_kernel(const T* x, int64_t inside, int64_t behind, T* y) {
  begin_kernel();
  Line line(inside, behind);
  double squares = 0;
  for (int64_t i = line.first + threadIdx.x * line.step; i < line.end; i += threads * line.step)
    squares += static_cast<double>(x[i]) * x[i];
  T factor = static_cast<T>(1 / unit_norm(block_sum<threads>(squares)));
  for (int64_t i = line.first + threadIdx.x * line.step; i < line.end; i += threads * line.step)
    y[i] = x[i] * factor;
}

template <class T>
__global__ void backward_kernel(const T* x, const T* dy, int64_t inside, int64_t behind, T* dx) {
  begin_kernel();
  Line line(inside, behind);
  double squares = 0, product = 0;
  for (int64_t i = line.first + threadIdx.x * line.step; i < line.end; i += threads * line.step) {
    squares += static_cast<double>(x[i]) * x[i];
    product += static_cast<double>(x[i]) * dy[i];
  }
  squares = block_sum<threads>(squares);
  product = block_sum<threads>(product);
  UnitGradient gradient(squares, product);
  T factor = static_cast<T>(gradient.factor), along = static_cast<T>(gradient.along);
  for (int64_t i = line.first + threadIdx.x * line.step; i < line.end; i += threads * line.step)
    dx[i] = factor * dy[i] - along * x[i];
}

dim3 block_a_line(const AxisBlocks& blocks) {
  return dim3(static_cast<unsigned>(blocks.before * blocks.behind));
}

}  // namespace

void unit_normalize_forward(const Tensor& x, const AxisBlocks& blocks, const Tensor& y) {
  visit_float(x.dtype(), "unit_normalize", [&](auto zero) {
    using T = decltype(zero);
    launch(context_of(x), forward_kernel<T>, block_a_line(blocks), threads, x.data<T>(), blocks.inside,
           blocks.behind, y.mutable_data<T>());
  });
}

void unit_normalize_backward(const Tensor& x, const Tensor& dy, const AxisBlocks& blocks, const Tensor& dx) {
  visit_float(x.dtype(), "unit_normalize", [&](auto zero) {
    using T = decltype(zero);
    launch(context_of(x), backward_kernel<T>, block_a_line(blocks), threads, x.data<T>(), dy.data<T>(),
           blocks.inside, blocks.behind, dx.mutable_data<T>());
  });
}

}  // namespace manul::cuda
