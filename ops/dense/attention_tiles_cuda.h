#pragma once

#include "manul/framework/cuda/launch.h"
#include "manul/framework/cuda/product/async_copy.h"

// Tiles of heads in shared memory and their products in bf16 on tensor cores (compute capability 8.0), a warp
// each; for .cu files. With group = lane / 4 and pair = lane % 4 a lane has of
// a [16, 16]: {[group, 2 pair], [group + 8, 2 pair], [group, 2 pair + 8], [group + 8, 2 pair + 8]}, and the
// element to the right of each;
// c [16, 8]: [group, 2 pair], the one to its right, and both of row group + 8.
namespace manul::cuda {

constexpr int attention_warps = 4, attention_threads = 32 * attention_warps;
constexpr int tile_rows = 16 * attention_warps;  // a warp has 16 of those of a block

/// The rows of one head in one sample.
template <class T>
struct HeadRows {
  T* first;
  int64_t step;
  int rows, length;  // of each
};
/// x [batch, rows, heads, length].
template <class T>
struct Heads {
  T* data;
  int rows, heads, length;
  __device__ HeadRows<T> of(int64_t sample, int head) const {
    return {data + (sample * rows * heads + head) * length, int64_t{heads} * length, rows, length};
  }
};

/// tile_rows rows of up to `size` elements in shared memory, each 16 bytes further than it is long, so that
/// the rows of a matrix lie in different banks.
template <int size>
struct HeadTile {
  static constexpr int step = size + 8, elements = tile_rows * step;
  bfloat16* data;

  /// Starts to copy the rows from `begin` on; zeros stand behind the last and behind the end of each.
  __device__ void load(const HeadRows<const bfloat16>& from, int begin) const {
    constexpr int packs = size / 8;
    for (int i = threadIdx.x; i < tile_rows * packs; i += attention_threads) {
      int row = i / packs, column = i % packs * 8;
      bool wanted = begin + row < from.rows && column < from.length;
      const bfloat16* at = wanted ? from.first + (begin + row) * from.step + column : from.first;
      copy_async(reinterpret_cast<float*>(data + row * step + column), reinterpret_cast<const float*>(at),
                 wanted);
    }
  }
};

/// Four matrices of 8 x 8, of which each eight lanes have the addresses of the rows.
template <bool across>
__device__ void load_matrices(uint32_t (&to)[4], const bfloat16* row) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (across)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
#endif
}

/// a: rows `row` .. + 16 and columns `column` .. + 16 of a tile.
template <int size>
__device__ void load_a(uint32_t (&a)[4], const HeadTile<size>& tile, int row, int column) {
  int lane = threadIdx.x % 32;
  load_matrices<false>(a, tile.data + (row + lane % 16) * tile.step + column + lane / 16 * 8);
}
/// b of two neighbouring products: [k, n] is column `column` + k of row `row` + n, n of [0, 16).
template <int size>
__device__ void load_b_rows(uint32_t (&b)[4], const HeadTile<size>& tile, int row, int column) {
  int lane = threadIdx.x % 32;
  load_matrices<false>(b,
                       tile.data + (row + lane / 16 * 8 + lane % 8) * tile.step + column + lane / 8 % 2 * 8);
}
/// The same where [k, n] is column `column` + n of row `row` + k.
template <int size>
__device__ void load_b_columns(uint32_t (&b)[4], const HeadTile<size>& tile, int row, int column) {
  int lane = threadIdx.x % 32;
  load_matrices<true>(b, tile.data + (row + lane % 16) * tile.step + column + lane / 16 * 8);
}

/// c += a · b for the two neighbouring products of b.
__device__ inline void multiply_add(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}
__device__ inline void multiply_add_two(float (&c)[4], float (&d)[4], const uint32_t (&a)[4],
                                        const uint32_t (&b)[4]) {
  multiply_add(c, a, b[0], b[1]);
  multiply_add(d, a, b[2], b[3]);
}

/// c and d += a [16, size] · the rows n .. + 8 and n + 8 .. + 16 of a tile, transposed.
template <int size>
__device__ void multiply_add_rows(float (&c)[4], float (&d)[4], const uint32_t (&a)[size / 16][4],
                                  const HeadTile<size>& tile, int n) {
#pragma unroll
  for (int i = 0; i < size / 16; ++i) {
    uint32_t b[4];
    load_b_rows(b, tile, n, i * 16);
    multiply_add_two(c, d, a[i], b);
  }
}
/// result [16, size] += a [16, 16] · the rows n .. + 16 of a tile.
template <int size>
__device__ void multiply_add_columns(float (&result)[size / 8][4], const uint32_t (&a)[4],
                                     const HeadTile<size>& tile, int n) {
#pragma unroll
  for (int i = 0; i < size / 8; i += 2) {
    uint32_t b[4];
    load_b_columns(b, tile, n, i * 8);
    multiply_add_two(result[i], result[i + 1], a, b);
  }
}

/// work(j) with each tile in turn while load(j + 1) brings the next; the first is there already.
template <class Load, class Work>
__device__ void for_each_tile(int tiles, const Load& load, const Work& work) {
  for (int j = 0; j < tiles; ++j) {
    if (j + 1 < tiles) load(j + 1);
    commit_copies();
    work(j);
    wait_for_copies<0>();
    __syncthreads();
  }
}

/// Two numbers as a register of bf16 has them, the first in the lower half.
__device__ inline uint32_t bf16_pair(float first, float second) {
  return uint32_t{bfloat16(second).bits} << 16 | bfloat16(first).bits;
}
/// What two neighbouring products gave, as the left operand of the next.
__device__ inline void as_a(uint32_t (&a)[4], const float (&c)[4], const float (&d)[4]) {
  a[0] = bf16_pair(c[0], c[1]);
  a[1] = bf16_pair(c[2], c[3]);
  a[2] = bf16_pair(d[0], d[1]);
  a[3] = bf16_pair(d[2], d[3]);
}

/// Over the four lanes that have a row.
__device__ inline float row_sum(float value) {
  value += __shfl_xor_sync(0xffffffffu, value, 1);
  return value + __shfl_xor_sync(0xffffffffu, value, 2);
}
__device__ inline float row_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 1));
  return fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

/// Writes a warp's 16 rows from `begin` on, times `factors` of the two that a lane has.
template <int size>
__device__ void store_rows(const HeadRows<bfloat16>& to, int begin, const float (&values)[size / 8][4],
                           const float (&factors)[2]) {
  int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int row = begin + lane / 4 + half * 8;
    if (row >= to.rows) continue;
    bfloat16* at = to.first + row * to.step;
#pragma unroll
    for (int n = 0; n < size / 8; ++n)
      if (int column = n * 8 + lane % 4 * 2; column < to.length)
        *reinterpret_cast<uint32_t*>(at + column) =
            bf16_pair(values[n][2 * half] * factors[half], values[n][2 * half + 1] * factors[half]);
  }
}

/// Which head of which sample, and which tile of its rows, a block has.
struct HeadBlock {
  int64_t sample;
  int head, tile;
  __device__ HeadBlock(int heads, int tiles)
      : sample(blockIdx.x / tiles / heads),
        head(static_cast<int>(blockIdx.x / tiles % heads)),
        tile(static_cast<int>(blockIdx.x % tiles)) {}
};

template <class T>
Heads<T> heads_of(const Shape& s, T* data) {
  return {data, static_cast<int>(s[1]), static_cast<int>(s[2]), static_cast<int>(s[3])};
}
__host__ __device__ inline int tiles_of(int rows) {
  return (rows + tile_rows - 1) / tile_rows;
}

}  // namespace manul::cuda
