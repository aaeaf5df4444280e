#pragma once

#include <algorithm>

#include "manul/framework/cuda/launch.h"
#include "manul/ops/reduce/axes.h"

// Totals of the lines of a tensor [outer, length, inner] in a fixed order; for .cu files.
namespace manul::cuda {

namespace detail {

constexpr int line_threads = 256;

/// The elements of a line that chunk `chunk` has.
struct LineChunks {
  int64_t length, count;
  __device__ int64_t begin(int64_t chunk) const { return chunk * length; }
  __device__ int64_t end(int64_t chunk, int64_t of) const { return ::min((chunk + 1) * length, of); }
};

template <class T>
__device__ const T* line_start(const AxisView& axis, const T* x, int64_t line) {
  return x + line / axis.inner * axis.length * axis.inner + line % axis.inner;
}

// A total goes to `store` if it is the whole line's, else to `partial` [chunks, lines].

/// A thread a line and chunk: neighbouring threads read neighbouring elements.
template <class T, class Reduction, class Store>
__global__ void lines_by_threads(AxisView axis, const T* x, Reduction reduction, LineChunks chunks,
                                 Store store, typename Reduction::Total* partial) {
  begin_kernel();
  int64_t line = int64_t{blockIdx.x} * line_threads + threadIdx.x, lines = axis.outer * axis.inner;
  if (line >= lines) return;
  const T* from = line_start(axis, x, line);
  auto total = reduction.start();
  for (int64_t k = chunks.begin(blockIdx.y); k < chunks.end(blockIdx.y, axis.length); ++k)
    total = reduction.join(total, reduction.term(from[k * axis.inner], k, line));
  if (chunks.count == 1)
    store(line, total);
  else
    partial[blockIdx.y * lines + line] = total;
}

/// A block a line and chunk.
template <class T, class Reduction, class Store>
__global__ void lines_by_blocks(AxisView axis, const T* x, Reduction reduction, LineChunks chunks,
                                Store store, typename Reduction::Total* partial) {
  begin_kernel();
  using Total = typename Reduction::Total;
  __shared__ Total shared[line_threads];
  int64_t line = blockIdx.x, lines = axis.outer * axis.inner;
  const T* from = line_start(axis, x, line);
  Total total = reduction.start();
  for (int64_t k = chunks.begin(blockIdx.y) + threadIdx.x; k < chunks.end(blockIdx.y, axis.length);
       k += line_threads)
    total = reduction.join(total, reduction.term(from[k * axis.inner], k, line));
  shared[threadIdx.x] = total;
  for (int half = line_threads / 2; half >= 1; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half)
      shared[threadIdx.x] = reduction.join(shared[threadIdx.x], shared[threadIdx.x + half]);
  }
  if (threadIdx.x != 0) return;
  if (chunks.count == 1)
    store(line, shared[0]);
  else
    partial[blockIdx.y * lines + line] = shared[0];
}

template <class Reduction, class Store>
struct JoinChunks {
  Reduction reduction;
  Store store;
  const typename Reduction::Total* partial;
  int64_t lines, chunks;
  __device__ void operator()(int64_t line) const {
    auto total = partial[line];
    for (int64_t chunk = 1; chunk < chunks; ++chunk)
      total = reduction.join(total, partial[chunk * lines + line]);
    store(line, total);
  }
};

}  // namespace detail

/// Calls store(line, total) on the GPU with the total of every line of x; see ops/reduce/reductions.h.
template <class T, class Reduction, class Store>
void reduce_lines(const Tensor& x, const AxisView& axis, const Reduction& reduction, const Store& store) {
  using Total = typename Reduction::Total;
  const Context& context = context_of(x);
  constexpr int64_t threads_wanted = 1 << 16, most_chunks = 256;
  int64_t lines = axis.lines();
  bool by_blocks = axis.inner < 32 && axis.length >= 64 && lines < threads_wanted;
  int64_t tasks = by_blocks ? lines * detail::line_threads : lines;
  int64_t least_chunk = by_blocks ? 16 * detail::line_threads : 64;
  int64_t chunks =
      std::min({threads_wanted / std::max(tasks, int64_t{1}), axis.length / least_chunk, most_chunks});
  chunks = std::max(chunks, int64_t{1});
  detail::LineChunks cut{(axis.length + chunks - 1) / chunks, chunks};
  Tensor memory;
  Total* partial = nullptr;
  if (chunks > 1) {
    static_assert(sizeof(Total) <= 16);
    memory = Tensor::empty({chunks * lines * 2}, DType::f64, x.device());
    partial = reinterpret_cast<Total*>(memory.mutable_data<double>());
  }
  if (by_blocks)
    launch(context, detail::lines_by_blocks<T, Reduction, Store>,
           dim3(static_cast<unsigned>(lines), static_cast<unsigned>(chunks)), detail::line_threads, axis,
           x.data<T>(), reduction, cut, store, partial);
  else
    launch(context, detail::lines_by_threads<T, Reduction, Store>,
           dim3(blocks_for(lines, detail::line_threads), static_cast<unsigned>(chunks)), detail::line_threads,
           axis, x.data<T>(), reduction, cut, store, partial);
  if (chunks > 1)
    for_each(context, lines, detail::JoinChunks<Reduction, Store>{reduction, store, partial, lines, chunks});
}

/// to[i] = function(i, line of i) for all elements of a tensor [outer, length, inner].
template <class T, class Function>
struct MapLines {
  AxisView axis;
  Function function;
  T* to;
  __device__ void operator()(int64_t i) const {
    to[i] = function(i, i / (axis.length * axis.inner) * axis.inner + i % axis.inner);
  }
};

}  // namespace manul::cuda
