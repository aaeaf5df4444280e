#pragma once

#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/elementwise.h"

// Sums over the rows of [groups, rows, columns] that memory alone limits: a thread has neighbouring columns,
// 16 bytes of them, and several rows on the way; for .cu files.
namespace manul::cuda {

/// Two sums of a few rows at once.
template <class T>
struct Pair {
  T first, second;
};

inline __device__ void add_to(double& sum, double part) {
  sum += part;
}
template <class T>
__device__ void add_to(DoublePair& sum, const Pair<T>& part) {
  sum.first += static_cast<double>(part.first);
  sum.second += static_cast<double>(part.second);
}

namespace detail {

/// How the blocks share the work: `tile` packs of columns and rows_a_chunk rows each.
struct ColumnTiling {
  int64_t rows, packs, rows_a_chunk;
  int tile, tiles;  // of a row
};
constexpr int most_tile_columns = 128;

/// The sum over the lanes of each column of the tile, for the threads of the first `tile_columns`. `shared`
/// has [lanes, tile_columns].
template <class Sum>
__device__ Sum sum_tile(Sum* shared, int lanes, int tile_columns) {
  int parts = sum_threads / tile_columns, column = threadIdx.x % tile_columns,
      part = threadIdx.x / tile_columns;
  Sum sum{};
  __syncthreads();
  if (part < parts)
    for (int lane = part; lane < lanes; lane += parts) sum += shared[lane * tile_columns + column];
  __syncthreads();
  shared[threadIdx.x] = sum;
  __syncthreads();
  sum = Sum{};
  for (int other = 0; other < parts; ++other) sum += shared[other * tile_columns + column];
  return sum;
}

/// A block adds one chunk of the rows of its tile; the last block of these columns adds the chunks.
template <int width, class Sum, class Terms, class Finish>
__global__ void __launch_bounds__(sum_threads, 2)
    packed_column_sums_kernel(ColumnTiling tiling, Terms terms, Finish finish, Sum* partial,
                              uint32_t* counters) {
  begin_kernel();
  __shared__ Sum shared[sum_threads * width];
  constexpr int ahead = Terms::rows_at_once;
  int lanes = sum_threads / tiling.tile, lane = threadIdx.x / tiling.tile;
  int64_t group = blockIdx.x / tiling.tiles, first = int64_t{blockIdx.x} % tiling.tiles * tiling.tile;
  int64_t pack = first + threadIdx.x % tiling.tile;
  int64_t row = blockIdx.y * tiling.rows_a_chunk, end = min(row + tiling.rows_a_chunk, tiling.rows);
  Sum sums[width]{};
  if (lane < lanes && pack < tiling.packs) {
    auto columns = terms.template of_pack<width>(group, pack);
    auto add = [&](const auto& loaded, int rows_loaded, int64_t from) {
      typename Terms::Part parts[width]{};
#pragma unroll
      for (int k = 0; k < ahead; ++k)
        if (k < rows_loaded) columns.add(loaded[k], from + k * lanes, parts);
#pragma unroll
      for (int k = 0; k < width; ++k) add_to(sums[k], parts[k]);
    };
    decltype(columns.load(row)) loaded[ahead];
    for (row += lane; row + (ahead - 1) * lanes < end; row += ahead * lanes) {
#pragma unroll
      for (int k = 0; k < ahead; ++k) loaded[k] = columns.load(row + k * lanes);
      add(loaded, ahead, row);
    }
    for (; row < end; row += lanes) {
      loaded[0] = columns.load(row);
      add(loaded, 1, row);
    }
  }
#pragma unroll
  for (int k = 0; k < width; ++k) shared[threadIdx.x * width + k] = sums[k];
  int tile_columns = tiling.tile * width;
  Sum sum = sum_tile(shared, lanes, tile_columns);
  int64_t column = first * width + threadIdx.x % tile_columns, columns = tiling.packs * width;
  bool inside = threadIdx.x < tile_columns && column < columns;
  if (gridDim.y > 1) {
    Sum* of_group = partial + group * gridDim.y * columns;
    if (inside) of_group[blockIdx.y * columns + column] = sum;
    if (!is_last_block(counters + blockIdx.x, gridDim.y)) return;
    int parts = sum_threads / tile_columns, part = threadIdx.x / tile_columns;
    sum = part < parts && column < columns ? sum_far<16>(of_group + column, part, gridDim.y, parts, columns)
                                           : Sum{};
    shared[threadIdx.x] = sum;
    sum = sum_tile(shared, parts, tile_columns);
  }
  if (inside) finish(group * columns + column, sum);
}

}  // namespace detail

/// Calls finish(group * columns + column, sum over all rows) on the GPU that `on` lies on. Sum is double or
/// DoublePair; no rows give 0. terms.of_pack<width>(group, pack) gives what a thread has: load(row) reads its
/// `width` columns, a divisor of `columns`, and add(loaded, row, parts) adds their terms, at most
/// Terms::rows_at_once rows to the same Terms::Part parts[width]: a number, or a Pair of them.
template <int width, class Sum, class Terms, class Finish>
void packed_column_sums_of_width(const Tensor& on, int64_t groups, int64_t rows, int64_t columns,
                                 const Terms& terms, const Finish& finish) {
  if (groups * columns == 0) return;
  const Context& context = context_of(on);
  constexpr int most_packs = detail::most_tile_columns / width;
  int64_t packs = columns / width, tiles = (packs + most_packs - 1) / most_packs;
  detail::ColumnTiling tiling{rows, packs, rows, static_cast<int>((packs + tiles - 1) / tiles),
                              static_cast<int>(tiles)};
  // Two blocks on each multiprocessor; a thread takes at least a few rows.
  int64_t tiles_in_all = tiles * groups, lanes = detail::sum_threads / tiling.tile;
  int64_t most_chunks = std::clamp<int64_t>(2 * context.multiprocessors() / tiles_in_all, 1, 512);
  if (tiles_in_all > Context::counter_count) most_chunks = 1;
  tiling.rows_a_chunk = std::max((rows + most_chunks - 1) / most_chunks, 2 * Terms::rows_at_once * lanes);
  unsigned chunks = std::max(blocks_for(rows, tiling.rows_a_chunk), 1u);
  Tensor partial;
  if (chunks > 1)
    partial = Tensor::empty({static_cast<int64_t>(groups * chunks * columns * sizeof(Sum))}, DType::u8,
                            on.device());
  launch(context, detail::packed_column_sums_kernel<width, Sum, Terms, Finish>,
         dim3(static_cast<unsigned>(tiles_in_all), chunks), detail::sum_threads, tiling, terms, finish,
         reinterpret_cast<Sum*>(mutable_data_or_null<uint8_t>(partial)), context.counters());
}

/// The same where terms read and write Terms::Element through `pointers`: in packs of 16 bytes if they allow
/// it.
template <class Sum, class Terms, class Finish>
void packed_column_sums(const Tensor& on, int64_t groups, int64_t rows, int64_t columns, const Terms& terms,
                        std::initializer_list<const void*> pointers, const Finish& finish) {
  constexpr int width = pack_width<typename Terms::Element>;
  if (columns % width == 0 && allow_packs(pointers))
    packed_column_sums_of_width<width, Sum>(on, groups, rows, columns, terms, finish);
  else
    packed_column_sums_of_width<1, Sum>(on, groups, rows, columns, terms, finish);
}

/// The elements of [groups, rows, columns].
template <class S>
struct MatrixTerms {
  using Element = S;
  using Part = Compute<S>;
  static constexpr int rows_at_once = 8;
  const S* data;
  int64_t rows, columns;

  template <int width>
  struct OfPack {
    const S* data;
    int64_t packs;
    __device__ Pack<S, width> load(int64_t row) const { return pack<S, width>(data, row * packs); }
    __device__ void add(const Pack<S, width>& loaded, int64_t, Part (&parts)[width]) const {
#pragma unroll
      for (int k = 0; k < width; ++k) parts[k] += static_cast<Part>(loaded.values[k]);
    }
  };
  template <int width>
  __device__ OfPack<width> of_pack(int64_t group, int64_t pack) const {
    return {data + group * rows * columns + pack * width, columns / width};
  }
};

/// to[column] = the sum over the rows of a tensor [.., columns].
template <class S, class T>
void sum_rows(const Tensor& matrix, T* to) {
  int64_t columns = matrix.shape()[-1], rows = matrix.shape().rows();
  packed_column_sums<double>(matrix, 1, rows, columns, MatrixTerms<S>{matrix.data<S>(), rows, columns},
                             {matrix.raw()}, StoreSum<T>{to});
}

}  // namespace manul::cuda
