#include "ops/matmul.h"

#include "framework/cuda/blas.h"
#include "framework/cuda/column_sums.h"
#include "framework/cuda/launch.h"
#include "framework/cuda/product_tile.h"
#include "ops/dense_activation.h"
#include "ops/dense_panel.h"

namespace manul::cuda {
namespace {

/// Writes activation(sum + bias).
template <class T>
struct StoreDense {
  T* y;
  int64_t columns;
  const T* bias;
  Activation activation;
  __device__ void operator()(int64_t row, int64_t column, T sum) const {
    y[row * columns + column] = activated(activation, bias ? sum + bias[column] : sum);
  }
};

template <class Tile, class T>
__global__ void __launch_bounds__(Tile::threads)
    product_kernel(ProductSize<T> size, Operand<T> a, Operand<T> b, StoreDense<T> store) {
  begin_kernel();
  __shared__ TileMemory<T, Tile> memory;
  product_block<Tile>(memory, size, a, b, blockIdx.x / size.splits, blockIdx.x % size.splits, store);
}

/// The operands as the kernel reads them: rows of a, columns of b.
template <class T>
Operand<T> operand_a(const Tensor& a, Transpose transpose) {
  return transpose == Transpose::a ? Operand<T>{a.data<T>(), 1, a.shape()[1]}
                                   : Operand<T>{a.data<T>(), a.shape()[1], 1};
}
template <class T>
Operand<T> operand_b(const Tensor& b, Transpose transpose) {
  return transpose == Transpose::b ? Operand<T>{b.data<T>(), b.shape()[1], 1}
                                   : Operand<T>{b.data<T>(), 1, b.shape()[1]};
}

template <class T>
Tensor partial_sums(ProductSize<T>& size, int64_t tile_elements, unsigned blocks, Device device) {
  if (size.splits == 1) return {};
  Tensor partial = Tensor::empty({int64_t{blocks} * tile_elements}, dtype_of<T>, device);
  size.partial = partial.mutable_data<T>();
  return partial;
}

template <class Tile, class T>
void tiled_product(const Tensor& a, const Tensor& b, Transpose transpose, const StoreDense<T>& store,
                   const Tensor& y) {
  const Context& context = context_of(y);
  auto size = cut_product<T, Tile>(y.shape()[0], y.shape()[1], a.shape()[transpose == Transpose::a ? 0 : 1],
                                   context.multiprocessors(), context.counters());
  unsigned blocks = product_blocks<Tile>(size);
  Tensor partial = partial_sums(size, Tile::rows * Tile::columns, blocks, y.device());
  launch(context, product_kernel<Tile, T>, blocks, Tile::threads, size, operand_a<T>(a, transpose),
         operand_b<T>(b, transpose), store);
}

/// Small and thin products are faster in one launch of our own than in cuBLAS' two.
bool is_small(int64_t rows, int64_t columns, int64_t inner) {
  constexpr int64_t most_operations = int64_t{1} << 25;
  return columns <= 8 || rows <= 8 || rows * columns * inner <= most_operations;
}

bool is_thin(int64_t rows, int64_t columns) {
  return rows <= 32 || columns <= 16;
}

template <class T>
struct BiasActivation {
  StoreDense<T> store;
  __device__ void operator()(int64_t i) const { store(i / store.columns, i % store.columns, store.y[i]); }
};

/// A warp an element of the result, for results so narrow that a tile would be mostly empty.
constexpr int narrow_threads = 128, narrow_warps = narrow_threads / 32;
template <class T>
__global__ void narrow_product_kernel(int64_t elements, int64_t inner, Operand<T> a, Operand<T> b,
                                      StoreDense<T> store) {
  begin_kernel();
  int64_t i = int64_t{blockIdx.x} * narrow_warps + threadIdx.x / 32;
  if (i >= elements) return;
  int64_t row = i / store.columns, column = i % store.columns;
  T sum = 0;
#pragma unroll 4
  for (int64_t k = threadIdx.x % 32; k < inner; k += 32) sum += a(row, k) * b(column, k);
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) store(row, column, sum);
}

Epilogue epilogue_of(bool has_bias, Activation activation) {
  if (!has_bias) return Epilogue::none;
  return activation == Activation::relu ? Epilogue::bias_relu : Epilogue::bias;
}

/// y = activation(op(a) · op(b) + bias)
template <class T>
void dense_product(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& bias,
                   Activation activation, const Tensor& y) {
  int64_t rows = y.shape()[0], columns = y.shape()[1], inner = a.shape()[transpose == Transpose::a ? 0 : 1];
  StoreDense<T> store{y.mutable_data<T>(), columns, data_or_null<T>(bias), activation};
  if constexpr (std::is_same_v<T, float>) {
    if (!is_small(rows, columns, inner)) {
      bool across_a = transpose == Transpose::a, across_b = transpose == Transpose::b;
      Epilogue epilogue = epilogue_of(bias.defined(), activation);
      bool fused = blas_product(a, across_a, b, across_b, epilogue, bias, y);
      if (fused && epilogue != Epilogue::none) {  // the bias is in, and relu is
        store.bias = nullptr;
        if (activation == Activation::relu) store.activation = Activation::linear;
      }
      if (fused ||
          (epilogue != Epilogue::none && blas_product(a, across_a, b, across_b, Epilogue::none, {}, y))) {
        if (store.bias || store.activation != Activation::linear)
          for_each(context_of(y), y.elements(), BiasActivation<T>{store});
        return;
      }
    }
  }
  constexpr int64_t most_narrow_inner = 4096;
  if (columns <= 4 && inner <= most_narrow_inner && transpose != Transpose::a)
    launch(context_of(y), narrow_product_kernel<T>, blocks_for(rows * columns, narrow_warps), narrow_threads,
           rows * columns, inner, operand_a<T>(a, transpose), operand_b<T>(b, transpose), store);
  else if (is_thin(rows, columns))
    tiled_product<ThinTile, T>(a, b, transpose, store, y);
  else
    tiled_product<SquareTile, T>(a, b, transpose, store, y);
}

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

/// Both gradients in one launch: the first blocks have the tiles of dkernel and dbias, the others those of
/// dx.
template <class Tile, class T>
__global__ void __launch_bounds__(Tile::threads)
    dense_backward_blocks(unsigned kernel_blocks, ProductSize<T> kernel_size, InputAndOne<T> x,
                          StoreKernelAndBias<T> store_kernel, ProductSize<T> input_size, Operand<T> kernel,
                          StoreDense<T> store_input, OutputGradient<T> gradient) {
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
      input_size, operand_b<T>(kernel, Transpose::b),
      StoreDense<T>{mutable_data_or_null<T>(dx), length, nullptr, Activation::linear}, gradient);
}

template <class T>
void large_dense_backward(const Tensor& x, const Tensor& kernel, const OutputGradient<T>& gradient,
                          const Tensor& dy, const Tensor& dx, const Tensor& dkernel, const Tensor& dbias) {
  Tensor dz = dy;
  if (gradient.activation != Activation::linear) {
    dz = Tensor::empty_like(dy);
    for_each(context_of(dy), dy.elements(), StoreOutputGradient<T>{gradient, dz.mutable_data<T>()});
  }
  if (dx.defined()) dense_product<T>(dz, kernel, Transpose::b, Tensor(), Activation::linear, dx);
  if (dkernel.defined()) dense_product<T>(x, dz, Transpose::a, Tensor(), Activation::linear, dkernel);
  if (dbias.defined())
    column_sums<double>(dz, dz.shape()[0], gradient.units, MatrixElement<T>{dz.data<T>(), gradient.units},
                        StoreSum<T>{dbias.mutable_data<T>()});
}

}  // namespace

void matmul(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y) {
  visit_float(a.dtype(), "matmul", [&](auto zero) {
    dense_product<decltype(zero)>(a, b, transpose, Tensor(), Activation::linear, y);
  });
}

void dense_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, Activation activation,
                   const Tensor& y) {
  if (panel_dense_forward(x, kernel, bias, activation, y)) return;
  visit_float(x.dtype(), "dense", [&](auto zero) {
    dense_product<decltype(zero)>(x, kernel, Transpose::none, bias, activation, y);
  });
}

void dense_backward(const Tensor& x, const Tensor& kernel, Activation activation, const Tensor& y,
                    const Tensor& dy, const Tensor& dx, const Tensor& dkernel, const Tensor& dbias,
                    const GradientTaker* /*kernel_taker*/) {
  if (panel_dense_backward(x, kernel, activation, y, dy, dx, dkernel, dbias)) return;
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
    else if (std::is_same_v<T, float> && !is_small(batch, units, length))
      large_dense_backward<T>(x, kernel, gradient, dy, dx, dkernel, dbias);
    else if (units <= 16)
      small_dense_backward<ThinTile, T>(x, kernel, gradient, dx, dkernel, dbias);
    else
      small_dense_backward<MiddleTile, T>(x, kernel, gradient, dx, dkernel, dbias);
  });
}

}  // namespace manul::cuda
