#pragma once

#include <algorithm>

#include "manul/framework/cuda/launch.h"

// Sums over the rows of a [rows, columns] matrix in a fixed order, in one launch; for .cu files.
namespace manul::cuda {

/// Two sums at once.
struct alignas(2 * sizeof(double)) DoublePair {
  double first, second;
  __device__ DoublePair& operator+=(const DoublePair& other) {
    first += other.first;
    second += other.second;
    return *this;
  }
};

namespace detail {

constexpr int sum_threads = 256;

__device__ inline double load_fresh(const double* from) {
  return __ldcg(from);
}
__device__ inline DoublePair load_fresh(const DoublePair* from) {
  double2 pair = __ldcg(reinterpret_cast<const double2*>(from));
  return {pair.x, pair.y};
}

/// The sum of what lies at `first`, `first + step` .. below `count`, `stride` elements apart, added in this
/// order. Other blocks have written it: it is far, and the block is alone. `at_once` of them are on their way
/// at a time.
template <int at_once, class Sum>
__device__ Sum sum_far(const Sum* from, unsigned first, unsigned count, unsigned step, int64_t stride) {
  Sum sum{};
  for (unsigned i = first; i < count; i += at_once * step) {
    Sum read[at_once];
#pragma unroll
    for (int j = 0; j < at_once; ++j)
      read[j] = i + j * step < count ? load_fresh(from + (i + j * step) * stride) : Sum{};
#pragma unroll
    for (int j = 0; j < at_once; ++j) sum += read[j];
  }
  return sum;
}

/// The sum over the lanes of each of `width` columns, for every lane.
template <int width, class Sum>
__device__ Sum sum_lanes(Sum* shared, Sum sum) {
  __syncthreads();
  shared[threadIdx.x] = sum;
  for (int half = sum_threads / 2; half >= width; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
  }
  __syncthreads();
  return shared[threadIdx.x % width];
}

/// term(row) = value(row, column), by value.of(column) if that is there: what a column's elements share.
template <class Value>
__device__ auto term_of(const Value& value, int64_t column) {
  if constexpr (requires { value.of(column); })
    return value.of(column);
  else
    return [&value, column](int64_t row) { return value(row, column); };
}

/// A block adds one chunk of rows of `width` columns; the last block of these columns adds the chunks.
template <int width, class Sum, class Value, class Finish>
__global__ void column_sums_kernel(int64_t rows, int64_t columns, int64_t rows_a_chunk, Value value,
                                   Finish finish, Sum* partial, uint32_t* counters) {
  begin_kernel();
  constexpr int lanes = sum_threads / width;
  __shared__ Sum shared[sum_threads];
  int lane = threadIdx.x / width;
  int64_t column = int64_t{blockIdx.x} * width + threadIdx.x % width;
  bool inside = column < columns;
  int64_t begin = blockIdx.y * rows_a_chunk, end = min(begin + rows_a_chunk, rows);
  Sum sum{};
  if (inside) {
    auto term = term_of(value, column);
    for (int64_t row = begin + lane; row < end; row += lanes) sum += term(row);
  }
  sum = sum_lanes<width>(shared, sum);
  if (gridDim.y > 1) {
    if (inside && lane == 0) partial[blockIdx.y * columns + column] = sum;
    if (!is_last_block(counters + blockIdx.x, gridDim.y)) return;
    sum = inside ? sum_far<8>(partial + column, lane, gridDim.y, lanes, columns) : Sum{};
    sum = sum_lanes<width>(shared, sum);
  }
  if (inside && lane == 0) finish(column, sum);
}

template <int width, class Sum, class Value, class Finish>
void column_sums_of_width(const Tensor& on, int64_t rows, int64_t columns, const Value& value,
                          const Finish& finish) {
  const Context& context = context_of(on);
  constexpr int64_t lanes = sum_threads / width;
  unsigned tiles = blocks_for(columns, width);
  // Enough chunks to fill a large GPU, each of at least sixteen rows a lane; no more than the last block can
  // add fast.
  int64_t most_chunks = std::clamp<int64_t>(1024 / std::max(tiles, 1u), 1, 256);
  if (tiles > Context::counter_count) most_chunks = 1;
  int64_t rows_a_chunk = std::max((rows + most_chunks - 1) / most_chunks, 16 * lanes);
  unsigned chunks = std::max(blocks_for(rows, rows_a_chunk), 1u);
  Tensor partial;
  if (chunks > 1)
    partial = Tensor::empty({static_cast<int64_t>(chunks * columns * sizeof(Sum))}, DType::u8, on.device());
  launch(context, column_sums_kernel<width, Sum, Value, Finish>, dim3(tiles, chunks), sum_threads, rows,
         columns, rows_a_chunk, value, finish, reinterpret_cast<Sum*>(mutable_data_or_null<uint8_t>(partial)),
         context.counters());
}

}  // namespace detail

/// Calls finish(column, sum over all rows of value(row, column) or value.of(column)(row)) on the GPU that
/// `on` lies on. Sum is double or DoublePair; no rows give 0.
template <class Sum, class Value, class Finish>
void column_sums(const Tensor& on, int64_t rows, int64_t columns, const Value& value, const Finish& finish) {
  if (columns == 1) return detail::column_sums_of_width<1, Sum>(on, rows, columns, value, finish);
  if (columns <= 4) return detail::column_sums_of_width<4, Sum>(on, rows, columns, value, finish);
  detail::column_sums_of_width<32, Sum>(on, rows, columns, value, finish);
}

/// value(row, column) of a row-major matrix, for column_sums().
template <class T>
struct MatrixElement {
  const T* data;
  int64_t columns;
  __device__ double operator()(int64_t row, int64_t column) const {
    return static_cast<double>(data[row * columns + column]);
  }
};
/// Writes scale * sum to to[column].
template <class T>
struct StoreSum {
  T* to;
  double scale = 1;
  __device__ void operator()(int64_t column, double sum) const { to[column] = static_cast<T>(scale * sum); }
};

}  // namespace manul::cuda
