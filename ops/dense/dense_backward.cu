#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/packed_column_sums.h"
#include "manul/framework/cuda/product/product_tile.h"
#include "manul/framework/elementary.h"
#include "manul/ops/dense/dense_activation.h"
#include "manul/ops/dense/dense_panel.h"
#include "manul/ops/dense/matmul.h"

namespace manul::cuda {
namespace {

/// dz = dy * activation'(z), expressed by the output y.
template <class T>
struct OutputGradient {
  Activation activation;
  const T *y, *dy;
  int64_t units;
  __device__ T operator()(int64_t row, int64_t unit) const {
    int64_t i = row * units + unit;
    return activation == Activation::linear ? dy[i] : dy[i] * activation_derivative(activation, y[i]);
  }
};
template <class T>
struct StoreOutputGradient {
  OutputGradient<T> gradient;
  T* dz;
  __device__ void operator()(int64_t i) const { dz[i] = gradient(i / gradient.units, i % gradient.units); }
};

// The operands of the two gradients of a dense. That of the kernel has a row of ones below the input, so that
// the gradient of the bias comes out as its last row.

template <class T>
struct InputAndOne {
  const T* x;
  int64_t length;
  __device__ bool depth_is_dense() const { return false; }
  __device__ T operator()(int64_t index, int64_t row) const {
    return index < length ? x[row * length + index] : T(1);
  }
};
template <class T>
struct GradientColumns {
  OutputGradient<T> gradient;
  __device__ bool depth_is_dense() const { return false; }
  __device__ T operator()(int64_t unit, int64_t row) const { return gradient(row, unit); }
};
template <class T>
struct GradientRows {
  OutputGradient<T> gradient;
  __device__ bool depth_is_dense() const { return true; }
  __device__ T operator()(int64_t row, int64_t unit) const { return gradient(row, unit); }
};
template <class T>
struct StoreKernelAndBias {
  T *dkernel, *dbias;
  int64_t length, units;
  __device__ void operator()(int64_t row, int64_t unit, T sum) const {
    if (row < length) {
      if (dkernel) dkernel[row * units + unit] = sum;
    } else if (dbias) {
      dbias[unit] = sum;
    }
  }
};

template <class T>
struct StoreInputGradient {
  T* dx;
  int64_t length;
  __device__ void operator()(int64_t row, int64_t index, T sum) const { dx[row * length + index] = sum; }
};

/// Both gradients in one launch: the first blocks have the tiles of dkernel and dbias, the others those of
/// dx.
template <class Tile, class T>
__global__ void __launch_bounds__(Tile::threads)
    dense_backward_blocks(unsigned kernel_blocks, ProductSize<T> kernel_size, InputAndOne<T> x,
                          StoreKernelAndBias<T> store_kernel, ProductSize<T> input_size, Operand<T> kernel,
                          StoreInputGradient<T> store_input, OutputGradient<T> gradient) {
  begin_kernel();
  __shared__ TileMemory<T, Tile> memory;
  unsigned block = blockIdx.x;
  if (block < kernel_blocks) {
    product_block<Tile>(memory, kernel_size, x, GradientColumns<T>{gradient}, block / kernel_size.splits,
                        block % kernel_size.splits, store_kernel);
  } else {
    block -= kernel_blocks;
    product_block<Tile>(memory, input_size, GradientRows<T>{gradient}, kernel, block / input_size.splits,
                        block % input_size.splits, store_input);
  }
}

/// The same for a layer of few units and a batch that one block can walk through: x is read and dx written
/// once. A thread has one element of the input and every eighth sample; the bias is the element behind the
/// last.
constexpr int most_narrow_units = 4, narrow_lanes = 32, narrow_samples = 8;
template <class T>
__global__ void __launch_bounds__(narrow_lanes* narrow_samples)
    narrow_dense_backward(const T* x, const T* kernel, int64_t batch, int64_t length,
                          OutputGradient<T> gradient, StoreKernelAndBias<T> store, T* dx) {
  begin_kernel();
  __shared__ T parts[most_narrow_units][narrow_samples][narrow_lanes];
  int lane = threadIdx.x % narrow_lanes, first = threadIdx.x / narrow_lanes;
  int64_t index = int64_t{blockIdx.x} * narrow_lanes + lane;
  int units = static_cast<int>(gradient.units);
  T weight[most_narrow_units], sum[most_narrow_units];
#pragma unroll
  for (int u = 0; u < most_narrow_units; ++u) {
    weight[u] = u < units && index < length ? kernel[index * units + u] : T(0);
    sum[u] = 0;
  }
  if (index <= length)
    for (int64_t row = first; row < batch; row += narrow_samples) {
      T value = index < length ? x[row * length + index] : T(1), back = 0;
#pragma unroll
      for (int u = 0; u < most_narrow_units; ++u) {
        T dz = u < units ? gradient(row, u) : T(0);
        sum[u] += value * dz;
        back += dz * weight[u];
      }
      if (dx && index < length) dx[row * length + index] = back;
    }
#pragma unroll
  for (int u = 0; u < most_narrow_units; ++u) parts[u][first][lane] = sum[u];
  __syncthreads();
  if (first >= units || index > length) return;
  T total = 0;
  for (int other = 0; other < narrow_samples; ++other) total += parts[first][other][lane];
  store(index, first, total);
}

template <class Tile, class T>
void small_dense_backward(const Tensor& x, const Tensor& kernel, const OutputGradient<T>& gradient,
                          const Tensor& dx, const Tensor& dkernel, const Tensor& dbias) {
  const Context& context = context_of(x);
  int64_t batch = x.shape()[0], length = x.shape()[1], units = gradient.units;
  constexpr int64_t tile_elements = Tile::rows * Tile::columns;
  bool wants_kernel = dkernel.defined() || dbias.defined();
  auto kernel_size = cut_product<T, Tile>(wants_kernel ? length + 1 : 0, units, batch,
                                          context.multiprocessors(), context.counters());
  auto input_size = cut_product<T, Tile>(dx.defined() ? batch : 0, length, units, context.multiprocessors(),
                                         context.counters() + Context::counter_count / 2);
  unsigned kernel_blocks = product_blocks<Tile>(kernel_size), input_blocks = product_blocks<Tile>(input_size);
  Tensor kernel_parts = partial_sums(kernel_size, tile_elements, kernel_blocks, x.device());
  Tensor input_parts = partial_sums(input_size, tile_elements, input_blocks, x.device());
  launch(
      context, dense_backward_blocks<Tile, T>, kernel_blocks + input_blocks, Tile::threads, kernel_blocks,
      kernel_size, InputAndOne<T>{x.data<T>(), length},
      StoreKernelAndBias<T>{mutable_data_or_null<T>(dkernel), mutable_data_or_null<T>(dbias), length, units},
      input_size, Operand<T>{kernel.data<T>(), units, 1},
      StoreInputGradient<T>{mutable_data_or_null<T>(dx), length}, gradient);
}

/// dx = dz · kernelᵀ + addend, which may be undefined.
void input_gradient(const Tensor& dz, const Tensor& kernel, const Tensor& addend, const Tensor& dx) {
  bool may_add = addend.defined() && dx.elements() > 0 && dz.elements() > 0;
  if (may_add && blas_product(dz, false, kernel, true, Epilogue::none, {}, dx, addend)) return;
  matmul(dz, kernel, Transpose::b, dx);
  if (addend.defined()) accumulate(addend, dx);
}

template <class T>
void large_dense_backward(const Tensor& x, const Tensor& kernel, const OutputGradient<T>& gradient,
                          const Tensor& dy, const Tensor& addend, const Tensor& dx, const Tensor& dkernel,
                          const Tensor& dbias) {
  Tensor dz = dy;
  if (gradient.activation != Activation::linear) {
    dz = Tensor::empty_like(dy);
    for_each(context_of(dy), dy.elements(), StoreOutputGradient<T>{gradient, dz.mutable_data<T>()});
  }
  if (dx.defined()) input_gradient(dz, kernel, addend, dx);
  if (dkernel.defined()) matmul(x, dz, Transpose::a, dkernel);
  if (dbias.defined()) sum_rows<T>(dz, dbias.mutable_data<T>());
}

/// Of a dense without activation: products that cuBLAS has in bf16.
void bf16_dense_backward(const Tensor& x, const Tensor& kernel, const Tensor& dy, const Tensor& addend,
                         const Tensor& dx, const Tensor& dkernel, const Tensor& dbias) {
  if (dx.defined()) input_gradient(dy, kernel, addend, dx);
  if (dkernel.defined()) matmul(x, dy, Transpose::a, dkernel);
  if (dbias.defined()) sum_rows<bfloat16>(dy, dbias.mutable_data<bfloat16>());
}

}  // namespace

void dense_backward(const Tensor& x, const Tensor& kernel, Activation activation, const Tensor& y,
                    const Tensor& dy, const Tensor& addend, const Tensor& dx, const Tensor& dkernel,
                    const Tensor& dbias, const GradientTaker* kernel_taker) {
  check_fused(activation);
  if (dy.dtype() == DType::bf16) {
    if (activation == Activation::linear)
      return bf16_dense_backward(x, kernel, dy, addend, dx, dkernel, dbias);
    return call_in_f32(dense_backward, x, kernel, activation, y, dy, addend, dx, dkernel, dbias,
                       kernel_taker);
  }
  bool adds = dx.defined() && addend.defined();
  if (panel_dense_backward(x, kernel, activation, y, dy, dx, dkernel, dbias)) {
    if (adds) accumulate(addend, dx);
    return;
  }
  visit_float(dy.dtype(), "dense", [&](auto zero) {
    using T = decltype(zero);
    int64_t batch = dy.shape()[0], units = dy.shape()[1];
    OutputGradient<T> gradient{activation, data_or_null<T>(y), dy.data<T>(), units};
    int64_t length = x.shape()[1];
    constexpr int64_t most_narrow_batch = 512;
    if (units <= most_narrow_units && batch <= most_narrow_batch)
      launch(context_of(x), narrow_dense_backward<T>, blocks_for(length + 1, narrow_lanes),
             narrow_lanes * narrow_samples, x.data<T>(), kernel.data<T>(), batch, length, gradient,
             StoreKernelAndBias<T>{mutable_data_or_null<T>(dkernel), mutable_data_or_null<T>(dbias), length,
                                   units},
             mutable_data_or_null<T>(dx));
    else if (std::is_same_v<T, float> && !is_small_product(batch, units, length))
      return large_dense_backward<T>(x, kernel, gradient, dy, addend, dx, dkernel, dbias);
    else if (units <= 16)
      small_dense_backward<ThinTile, T>(x, kernel, gradient, dx, dkernel, dbias);
    else
      small_dense_backward<MiddleTile, T>(x, kernel, gradient, dx, dkernel, dbias);
    if (adds) accumulate(addend, dx);
  });
}

}  // namespace manul::cuda
