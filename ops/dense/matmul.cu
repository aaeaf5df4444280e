#include "manul/ops/dense/matmul.h"

#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/launch.h"
#include "manul/framework/cuda/product/product_tile.h"
#include "manul/ops/dense/dense_activation.h"
#include "manul/ops/dense/dense_panel.h"

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
    if (!is_small_product(rows, columns, inner)) {
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

}  // namespace

void matmul(const Tensor& a, const Tensor& b, Transpose transpose, const Tensor& y) {
  if (y.dtype() == DType::bf16) {
    bool is_there = y.elements() > 0 && a.elements() > 0;
    if (!is_there ||
        !blas_product(a, transpose == Transpose::a, b, transpose == Transpose::b, Epilogue::none, {}, y))
      call_in_f32(matmul, a, b, transpose, y);
    return;
  }
  visit_float(a.dtype(), "matmul", [&](auto zero) {
    dense_product<decltype(zero)>(a, b, transpose, Tensor(), Activation::linear, y);
  });
}

void dense_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, Activation activation,
                   const Tensor& y) {
  check_fused(activation);
  if (y.dtype() == DType::bf16) {
    bool is_there = y.elements() > 0 && x.elements() > 0;
    bool has_epilogue =
        activation == Activation::linear || (activation == Activation::relu && bias.defined());
    Epilogue epilogue = epilogue_of(bias.defined(), activation);
    if (!is_there || !has_epilogue || !blas_product(x, false, kernel, false, epilogue, bias, y))
      call_in_f32(dense_forward, x, kernel, bias, activation, y);
    return;
  }
  if (panel_dense_forward(x, kernel, bias, activation, y)) return;
  visit_float(x.dtype(), "dense", [&](auto zero) {
    dense_product<decltype(zero)>(x, kernel, Transpose::none, bias, activation, y);
  });
}

}  // namespace manul::cuda
