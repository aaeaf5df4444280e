#pragma once

#include <algorithm>

#include "manul/framework/cuda/launch.h"

// Matrix products of our own: for the small and thin ones that cuBLAS is not made for, and for f64; for .cu
// files.
namespace manul::cuda {

/// How a block of threads shares a tile of the result: rows x columns, 4 x 4 elements a thread, `depth`
/// products of each at a time, which `groups` of threads divide among them.
template <int rows_, int columns_, int depth_, int groups_>
struct Tile {
  static constexpr int rows = rows_, columns = columns_, depth = depth_, groups = groups_;
  static constexpr int across = columns / 4, group_threads = rows / 4 * across,
                       threads = groups * group_threads;
  static constexpr int depth_a_group = depth / groups;
  static_assert(depth % groups == 0 && threads % 32 == 0);
};
using ThinTile = Tile<32, 16, 32, 4>;
using SquareTile = Tile<64, 64, 16, 1>;
using MiddleTile = Tile<32, 32, 16, 2>;

/// Elements [index, k] of an operand: its rows (of a) or columns (of b), and along the sum.
template <class T>
struct Operand {
  const T* data;
  int64_t stride, depth_stride;
  __device__ bool depth_is_dense() const { return depth_stride == 1; }
  __device__ T operator()(int64_t index, int64_t k) const { return data[index * stride + k * depth_stride]; }
};

template <class T, class Tile>
struct TileMemory {
  T a[2][Tile::depth][Tile::rows + 4];
  T b[2][Tile::depth][Tile::columns + 4];
};

/// Copies elements [first, first + width) x [k, k + depth) of an operand to shared memory by way of
/// registers, so that the next tile is on its way while this one is used. Neighbouring threads read
/// neighbouring memory.
template <class T, int width, int depth, int threads>
class TileLoader {
 public:
  template <class Source>
  __device__ void fetch(const Source& source, int64_t first, int64_t count, int64_t k, int64_t end) {
    bool dense = source.depth_is_dense();
#pragma unroll
    for (int j = 0; j < each; ++j) {
      int i = static_cast<int>(threadIdx.x) + j * threads;
      int64_t index = first + (dense ? i / depth : i % width), at = k + (dense ? i % depth : i / width);
      values_[j] = i < width * depth && index < count && at < end ? source(index, at) : T(0);
    }
  }
  __device__ void store(T (*to)[width + 4], bool dense) const {
#pragma unroll
    for (int j = 0; j < each; ++j) {
      int i = static_cast<int>(threadIdx.x) + j * threads;
      if (i < width * depth) to[dense ? i % depth : i / width][dense ? i / depth : i % width] = values_[j];
    }
  }

 private:
  static constexpr int each = (width * depth + threads - 1) / threads;
  T values_[each];
};

/// The thread's 4 x 4 elements of the tile at (row, column), summed over k of [begin, end). Group 0 has the
/// result.
template <class Tile, class T, class A, class B>
__device__ void multiply_tile(TileMemory<T, Tile>& memory, const A& a, const B& b, int64_t rows,
                              int64_t columns, int64_t row, int64_t column, int64_t begin, int64_t end,
                              T (&sum)[4][4]) {
  TileLoader<T, Tile::rows, Tile::depth, Tile::threads> load_a;
  TileLoader<T, Tile::columns, Tile::depth, Tile::threads> load_b;
  int group = threadIdx.x / Tile::group_threads, place = threadIdx.x % Tile::group_threads;
  int r = place / Tile::across * 4, c = place % Tile::across * 4;
  for (auto& line : sum)
    for (T& value : line) value = 0;
  load_a.fetch(a, row, rows, begin, end);
  load_b.fetch(b, column, columns, begin, end);
  int buffer = 0;
  for (int64_t k = begin; k < end; k += Tile::depth, buffer ^= 1) {
    load_a.store(memory.a[buffer], a.depth_is_dense());
    load_b.store(memory.b[buffer], b.depth_is_dense());
    __syncthreads();
    if (k + Tile::depth < end) {
      load_a.fetch(a, row, rows, k + Tile::depth, end);
      load_b.fetch(b, column, columns, k + Tile::depth, end);
    }
#pragma unroll
    for (int step = 0; step < Tile::depth_a_group; ++step) {
      int at = group * Tile::depth_a_group + step;
      T left[4], right[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        left[i] = memory.a[buffer][at][r + i];
        right[i] = memory.b[buffer][at][c + i];
      }
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] += left[i] * right[j];
    }
  }
  if constexpr (Tile::groups > 1) {
    static_assert(sizeof(memory) >= (Tile::groups - 1) * Tile::group_threads * 16 * sizeof(T));
    T* parts = &memory.a[0][0][0];
    __syncthreads();
    if (group > 0)
#pragma unroll
      for (int i = 0; i < 16; ++i)
        parts[((group - 1) * 16 + i) * Tile::group_threads + place] = sum[i / 4][i % 4];
    __syncthreads();
    if (group == 0)
      for (int other = 0; other < Tile::groups - 1; ++other)
#pragma unroll
        for (int i = 0; i < 16; ++i)
          sum[i / 4][i % 4] += parts[(other * 16 + i) * Tile::group_threads + place];
  }
}

/// One product, cut along the sum into `splits` of `depth_a_split`, whose parts the last block of a tile adds
/// in order.
template <class T>
struct ProductSize {
  int64_t rows, columns, inner, depth_a_split;
  int splits;
  T* partial;
  uint32_t* counters;
};

/// sum = the parts of one thread's elements, added in order. Four parts are read at a time: the memory is
/// far, and the block is alone.
template <class Tile, class T>
__device__ void add_parts(const T* parts, int splits, T (&sum)[4][4]) {
  constexpr int at_once = 4;
#pragma unroll
  for (int i = 0; i < 16; ++i) sum[i / 4][i % 4] = 0;
  for (int part = 0; part < splits; part += at_once) {
    T read[at_once][16];
#pragma unroll
    for (int j = 0; j < at_once; ++j)
#pragma unroll
      for (int i = 0; i < 16; ++i)
        read[j][i] = part + j < splits
                         ? __ldcg(parts + (part + j) * Tile::rows * Tile::columns + i * Tile::group_threads)
                         : T(0);
#pragma unroll
    for (int j = 0; j < at_once; ++j)
#pragma unroll
      for (int i = 0; i < 16; ++i) sum[i / 4][i % 4] += read[j][i];
  }
}

/// The work of block (tile, split): calls finish(row, column, sum) for the elements of its tile, if it is the
/// one that completes them.
template <class Tile, class T, class A, class B, class Finish>
__device__ void product_block(TileMemory<T, Tile>& memory, const ProductSize<T>& size, const A& a, const B& b,
                              unsigned tile, unsigned split, const Finish& finish) {
  unsigned tiles_across = (size.columns + Tile::columns - 1) / Tile::columns;
  int64_t row = int64_t{tile / tiles_across} * Tile::rows,
          column = int64_t{tile % tiles_across} * Tile::columns;
  int64_t begin = split * size.depth_a_split, end = min(begin + size.depth_a_split, size.inner);
  T sum[4][4];
  multiply_tile<Tile>(memory, a, b, size.rows, size.columns, row, column, begin, end, sum);
  int place = threadIdx.x % Tile::group_threads;
  bool writes = threadIdx.x < Tile::group_threads;
  constexpr int tile_elements = Tile::rows * Tile::columns;
  if (size.splits > 1) {
    T* parts = size.partial + int64_t{tile} * size.splits * tile_elements;
    if (writes)
#pragma unroll
      for (int i = 0; i < 16; ++i)
        parts[split * tile_elements + i * Tile::group_threads + place] = sum[i / 4][i % 4];
    if (!is_last_block(size.counters + tile, size.splits)) return;
    if (writes) add_parts<Tile>(parts + place, size.splits, sum);
  }
  row += place / Tile::across * 4;
  column += place % Tile::across * 4;
  if (writes)
#pragma unroll
    for (int i = 0; i < 16; ++i)
      if (row + i / 4 < size.rows && column + i % 4 < size.columns)
        finish(row + i / 4, column + i % 4, sum[i / 4][i % 4]);
}

/// How a product of that size is cut for a GPU with `multiprocessors`: the sum is split only where the tiles
/// alone would leave multiprocessors idle, into parts of at least four depths.
template <class T, class Tile>
ProductSize<T> cut_product(int64_t rows, int64_t columns, int64_t inner, int multiprocessors,
                           uint32_t* counters) {
  int64_t tiles =
      std::max<int64_t>(int64_t{blocks_for(rows, Tile::rows)} * blocks_for(columns, Tile::columns), 1);
  int64_t depths = std::max<int64_t>(blocks_for(inner, Tile::depth), 1);
  int64_t splits =
      tiles >= multiprocessors || tiles > Context::counter_count / 2
          ? 1
          : std::clamp<int64_t>(depths / 4, 1, std::min<int64_t>(2 * multiprocessors / tiles, 32));
  int64_t depth_a_split = (depths + splits - 1) / splits * Tile::depth;
  splits = std::max<int64_t>(blocks_for(inner, depth_a_split), 1);
  return {rows, columns, inner, depth_a_split, static_cast<int>(splits), nullptr, counters};
}

/// Blocks of all tiles of a cut product, times its splits.
template <class Tile, class T>
unsigned product_blocks(const ProductSize<T>& size) {
  return blocks_for(size.rows, Tile::rows) * blocks_for(size.columns, Tile::columns) * size.splits;
}

/// Memory for the sums of the splits of a product in `blocks` blocks, which `size` then points to; undefined
/// if there is one split.
template <class T>
Tensor partial_sums(ProductSize<T>& size, int64_t tile_elements, unsigned blocks, Device device) {
  if (size.splits == 1) return {};
  Tensor partial = Tensor::empty({int64_t{blocks} * tile_elements}, dtype_of<T>, device);
  size.partial = partial.mutable_data<T>();
  return partial;
}

/// Small and thin products are faster in one launch of our own than in cuBLAS' two.
inline bool is_small_product(int64_t rows, int64_t columns, int64_t inner) {
  constexpr int64_t most_operations = int64_t{1} << 25;
  return columns <= 8 || rows <= 8 || rows * columns * inner <= most_operations;
}

}  // namespace manul::cuda
