#pragma once

#include <algorithm>

#include "manul/framework/cuda/elementwise.h"

// Sums over the rows of a [rows, columns] matrix in a fixed order, in one launch, that read it in packs: as
// column_sums.h, where memory alone limits; for .cu files.
namespace manul::cuda {

/// The elements of a pack as what is computed in.
template <int width, class S>
__device__ Pack<Compute<S>, width> load_pack(const S* from) {
  Pack<S, width> stored = *reinterpret_cast<const Pack<S, width>*>(from);
  Pack<Compute<S>, width> values;
#pragma unroll
  for (int k = 0; k < width; ++k) values.values[k] = stored.values[k];
  return values;
}
template <int width, class S>
__device__ void store_pack(S* to, const Pack<Compute<S>, width>& values) {
  *reinterpret_cast<Pack<S, width>*>(to) = stored<S, width>(values);
}

/// `count` sums of each of `width` neighbouring columns.
template <class T, int count, int width>
struct PackSums {
  T of[count][width] = {};
};

namespace detail {

constexpr int matrix_threads = 256, matrix_lanes = 16;  // packs of a row that a block adds
constexpr int matrix_run = 64;                          // rows that are added up in T, before f64

/// A block adds one chunk of the rows of some columns, a thread every so many rows of one pack; the last
/// block of these columns adds the chunks.
template <class T, int count, int width, class Term, class Finish>
__global__ void __launch_bounds__(matrix_threads)
    matrix_sums_kernel(int64_t rows, int64_t columns, int64_t rows_a_chunk, Term term, Finish finish,
                       double* partial, uint32_t* counters) {
  begin_kernel();
  constexpr int lanes = matrix_threads / matrix_lanes, tile = matrix_lanes * width;
  __shared__ double shared[count][lanes][tile];
  int pack = threadIdx.x % matrix_lanes, lane = threadIdx.x / matrix_lanes;
  int64_t first = int64_t{blockIdx.x} * tile, column = first + pack * width;
  int64_t begin = blockIdx.y * rows_a_chunk, end = min(begin + rows_a_chunk, rows);
  PackSums<double, count, width> sums;
  if (column < columns)
    for (int64_t run = begin + lane; run < end; run += lanes * matrix_run) {
      PackSums<T, count, width> some;
      int64_t behind = min(run + lanes * matrix_run, end);
#pragma unroll 4
      for (int64_t row = run; row < behind; row += lanes) term(row, column, some);
#pragma unroll
      for (int i = 0; i < count; ++i)
#pragma unroll
        for (int k = 0; k < width; ++k) sums.of[i][k] += static_cast<double>(some.of[i][k]);
    }
#pragma unroll
  for (int i = 0; i < count; ++i)
#pragma unroll
    for (int k = 0; k < width; ++k) shared[i][lane][pack * width + k] = sums.of[i][k];
  __syncthreads();
  int64_t chunks = gridDim.y;
  for (int k = threadIdx.x; k < count * tile; k += matrix_threads) {
    int i = k / tile, place = k % tile;
    double sum = 0;
    for (int other = 0; other < lanes; ++other) sum += shared[i][other][place];
    if (chunks == 1)
      shared[i][0][place] = sum;
    else if (first + place < columns)
      partial[(blockIdx.y * count + i) * columns + first + place] = sum;
  }
  if (chunks > 1) {
    if (!is_last_block(counters + blockIdx.x, gridDim.y)) return;
    // Each of the chunks' parts by one group of threads, as many as there are lanes above.
    constexpr int places = count * tile, parts = std::max(matrix_threads / places, 1);
    for (int k = threadIdx.x; k < places * parts; k += matrix_threads) {
      int place = k % tile, i = k / tile % count, part = k / places;
      double sum = 0;
      if (first + place < columns)
#pragma unroll 8
        for (int64_t chunk = part; chunk < chunks; chunk += parts)
          sum += __ldcg(partial + (chunk * count + i) * columns + first + place);
      shared[i][part][place] = sum;
    }
    __syncthreads();
    for (int k = threadIdx.x; k < places; k += matrix_threads) {
      double sum = 0;
      for (int part = 0; part < parts; ++part) sum += shared[k / tile][part][k % tile];
      shared[k / tile][0][k % tile] = sum;
    }
  }
  __syncthreads();
  for (int place = threadIdx.x; place < tile; place += matrix_threads) {
    if (first + place >= columns) continue;
    double totals[count];
#pragma unroll
    for (int i = 0; i < count; ++i) totals[i] = shared[i][0][place];
    finish(first + place, totals);
  }
}

}  // namespace detail

/// Calls finish(column, totals) for each column on the GPU that `on` lies on: totals[i] is the sum over all
/// rows of what term(row, column, sums) adds to sums.of[i][k] for column + k of [0, width), where width
/// divides `columns`. Runs of rows are added in T, these in f64.
template <class T, int count, int width, class Term, class Finish>
void matrix_sums(const Tensor& on, int64_t rows, int64_t columns, const Term& term, const Finish& finish) {
  const Context& context = context_of(on);
  constexpr int lanes = detail::matrix_threads / detail::matrix_lanes;
  unsigned tiles = blocks_for(columns, detail::matrix_lanes * width);
  int64_t most_chunks = std::max<int64_t>(2 * context.multiprocessors() / std::max(tiles, 1u), 1);
  if (tiles > Context::counter_count) most_chunks = 1;
  int64_t rows_a_chunk = std::max<int64_t>((rows + most_chunks - 1) / most_chunks, 8 * lanes);
  unsigned chunks = std::max(blocks_for(rows, rows_a_chunk), 1u);
  Tensor partial;
  if (chunks > 1) partial = Tensor::empty({chunks, count, columns}, DType::f64, on.device());
  launch(context, detail::matrix_sums_kernel<T, count, width, Term, Finish>, dim3(tiles, chunks),
         detail::matrix_threads, rows, columns, rows_a_chunk, term, finish,
         mutable_data_or_null<double>(partial), context.counters());
}

/// The elements of a row-major matrix, for matrix_sums().
template <class S>
struct MatrixPack {
  const S* data;
  int64_t columns;
  template <class T, int width>
  __device__ void operator()(int64_t row, int64_t column, PackSums<T, 1, width>& sums) const {
    Pack<T, width> values = load_pack<width>(data + row * columns + column);
#pragma unroll
    for (int k = 0; k < width; ++k) sums.of[0][k] += values.values[k];
  }
};
template <class S>
struct StoreMatrixSum {
  S* to;
  __device__ void operator()(int64_t column, const double (&totals)[1]) const {
    to[column] = static_cast<S>(totals[0]);
  }
};

/// The sums of the columns of x [rows, columns], f32, f64 or bf16, into `to` [columns].
template <class S>
void sum_columns(const Tensor& x, int64_t columns, const Tensor& to) {
  MatrixPack<S> term{x.data<S>(), columns};
  StoreMatrixSum<S> finish{to.mutable_data<S>()};
  int64_t rows = columns > 0 ? x.elements() / columns : 0;
  constexpr int widest = pack_width<S>;
  if (columns % widest == 0 && allow_packs({term.data}))
    matrix_sums<Compute<S>, 1, widest>(x, rows, columns, term, finish);
  else
    matrix_sums<Compute<S>, 1, 1>(x, rows, columns, term, finish);
}

}  // namespace manul::cuda
