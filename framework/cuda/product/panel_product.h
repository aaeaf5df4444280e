#pragma once

#include <algorithm>

#include "manul/framework/cuda/product/panel_stage.h"
#include "manul/framework/cuda/product/product_tile.h"

// Matrix products in f32 of operands whose lengths are multiples of four; for .cu files. Several stages of
// both operands are on their way to shared memory while one is multiplied, in the layout they have in memory.
namespace manul::cuda {

/// How a block shares a tile of the result. A warp has 8 x 4 lanes of thread_rows x thread_columns elements;
/// warps_down x warps_across warps cover the tile, and `groups` such sets divide the `depth` products of a
/// stage among them.
template <int thread_rows_, int thread_columns_, int warps_down_, int warps_across_, int groups_, int depth_,
          int stages_>
struct Panel {
  static constexpr int thread_rows = thread_rows_, thread_columns = thread_columns_;
  static constexpr int warps_down = warps_down_, warps_across = warps_across_, groups = groups_;
  static constexpr int depth = depth_, stages = stages_, depth_a_group = depth / groups;
  static constexpr int rows = 8 * thread_rows * warps_down, columns = 4 * thread_columns * warps_across;
  static constexpr int threads = 32 * warps_down * warps_across * groups;
  /// That a multiprocessor must have room for, for __launch_bounds__: left to itself the compiler gives
  /// small tiles too few registers for the sum of the parts.
  static constexpr int blocks = rows * columns > 2048 ? 1 : 2;
  /// Four neighbours of a row of the tile are one quad.
  static constexpr int quads = rows * columns / 4;
  /// Of the sums in shared memory, from row to row: what a warp stores at a time lies in different banks.
  template <class A, class B>
  static constexpr int pitch = columns + (A::along && !B::along ? (48 - columns % 32) % 32 : 4);
  static_assert(thread_rows % 4 == 0 && thread_columns % 4 == 0 && depth_a_group % 4 == 0);
};

/// Shared memory of a product of these operands, floats: its stages, and afterwards the sums of all groups.
template <class Panel, class A, class B>
constexpr int panel_floats =
    std::max(Panel::stages*(PanelStage<A, Panel::rows, Panel::depth, Panel::threads>::floats +
                            PanelStage<B, Panel::columns, Panel::depth, Panel::threads>::floats),
             Panel::groups* Panel::rows* Panel::template pitch<A, B>);

/// Sums over k of [begin, end) for the tile at (row, column): afterwards shared memory has them as
/// [groups][rows][pitch], complete once the groups are added. All threads call it.
template <class Panel, class A, class B>
__device__ void multiply_panel(float* shared, const A& a, const B& b, int64_t rows, int64_t columns,
                               int64_t row, int64_t column, int64_t begin, int64_t end) {
  using StageA = PanelStage<A, Panel::rows, Panel::depth, Panel::threads>;
  using StageB = PanelStage<B, Panel::columns, Panel::depth, Panel::threads>;
  constexpr int stage_floats = StageA::floats + StageB::floats;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int group = warp / (Panel::warps_down * Panel::warps_across),
      place = warp % (Panel::warps_down * Panel::warps_across);
  int first_row = place / Panel::warps_across * 8 * Panel::thread_rows,
      first_column = place % Panel::warps_across * 4 * Panel::thread_columns;
  StageA stage_a(a, row, rows, begin);
  StageB stage_b(b, column, columns, begin);
  auto start = [&](int stage, int64_t k) {
    float* to = shared + stage * stage_floats;
    stage_a.start(to, end - k);
    stage_b.start(to + StageA::floats, end - k);
  };
#pragma unroll
  for (int stage = 0; stage < Panel::stages - 1; ++stage) {
    if (begin + stage * Panel::depth < end) start(stage, begin + stage * Panel::depth);
    commit_copies();
  }
  float sum[Panel::thread_rows][Panel::thread_columns];
#pragma unroll
  for (auto& line : sum)
#pragma unroll
    for (float& value : line) value = 0;
  int stage = 0, free_stage = Panel::stages - 1;
  for (int64_t k = begin; k < end; k += Panel::depth) {
    wait_for_copies<Panel::stages - 2>();
    float *left = shared + stage * stage_floats, *right = left + StageA::floats;
    if constexpr (A::changed) StageA::change(left, a);
    if constexpr (B::changed) StageB::change(right, b);
    __syncthreads();
    int64_t next = k + (Panel::stages - 1) * Panel::depth;
    if (next < end) start(free_stage, next);
    commit_copies();
    free_stage = stage;
    stage = stage + 1 == Panel::stages ? 0 : stage + 1;
    left += A::along ? first_row * StageA::pitch : first_row;
    right += B::along ? first_column * StageB::pitch : first_column;
#pragma unroll
    for (int step = 0; step < Panel::depth_a_group; step += 4) {
      int at = group * Panel::depth_a_group + step;
      float l[Panel::thread_rows][4], r[Panel::thread_columns][4];
      StageA::template read<8>(left, lane / 4, at, l);
      StageB::template read<4>(right, lane % 4, at, r);
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int i = 0; i < Panel::thread_rows; ++i)
#pragma unroll
          for (int c = 0; c < Panel::thread_columns; ++c) sum[i][c] = fmaf(l[i][j], r[c][j], sum[i][c]);
    }
  }
  wait_for_copies<0>();
  __syncthreads();
  constexpr int pitch = Panel::template pitch<A, B>;
  float* to = shared + group * Panel::rows * pitch;
#pragma unroll
  for (int i = 0; i < Panel::thread_rows; ++i) {
    float* line = to + (first_row + StageA::template index_of<8>(lane / 4, i)) * pitch + first_column;
    if constexpr (B::along) {
#pragma unroll
      for (int c = 0; c < Panel::thread_columns; ++c) line[lane % 4 + 4 * c] = sum[i][c];
    } else {
#pragma unroll
      for (int c = 0; c < Panel::thread_columns; c += 4)
        *reinterpret_cast<float4*>(line + 4 * (lane % 4) + 4 * c) =
            float4{sum[i][c], sum[i][c + 1], sum[i][c + 2], sum[i][c + 3]};
    }
  }
  __syncthreads();
}

__device__ inline void add_quad(float4& sum, const float4& other) {
  sum.x += other.x, sum.y += other.y, sum.z += other.z, sum.w += other.w;
}

/// The sum of `count` quads that are `step` apart and that other blocks have written. They are far, and the
/// block is alone: many are on their way at a time.
__device__ inline float4 sum_of_far_quads(const float4* quads, int count, int step) {
  constexpr int at_once = 16;
  float4 sum{0, 0, 0, 0};
  for (int first = 0; first < count; first += at_once) {
    float4 read[at_once];
#pragma unroll
    for (int j = 0; j < at_once; ++j)
      read[j] = first + j < count ? __ldcg(quads + (first + j) * step) : float4{0, 0, 0, 0};
#pragma unroll
    for (int j = 0; j < at_once; ++j) add_quad(sum, read[j]);
  }
  return sum;
}

/// The work of block (tile, split): calls finish(row, column, quad) for each four neighbours of its tile, if
/// it is the block that completes them.
template <class Panel, class A, class B, class Finish>
__device__ void panel_block(float* shared, const ProductSize<float>& size, const A& a, const B& b,
                            unsigned tile, unsigned split, const Finish& finish) {
  unsigned tiles_across = (size.columns + Panel::columns - 1) / Panel::columns;
  int64_t row = int64_t{tile / tiles_across} * Panel::rows,
          column = int64_t{tile % tiles_across} * Panel::columns;
  int64_t begin = split * size.depth_a_split, end = min(begin + size.depth_a_split, size.inner);
  multiply_panel<Panel>(shared, a, b, size.rows, size.columns, row, column, begin, end);
  auto quad_of = [&](int i) {
    constexpr int across = Panel::columns / 4, pitch = Panel::template pitch<A, B>;
    auto* sums = reinterpret_cast<float4*>(shared + i / across * pitch + i % across * 4);
    float4 sum = *sums;
#pragma unroll
    for (int group = 1; group < Panel::groups; ++group) add_quad(sum, sums[group * Panel::rows * pitch / 4]);
    return sum;
  };
  auto finish_quad = [&](int i, const float4& sum) {
    int64_t r = row + i / (Panel::columns / 4), c = column + i % (Panel::columns / 4) * 4;
    if (r < size.rows && c < size.columns) finish(r, c, sum);
  };
  if (size.splits == 1) {
    for (int i = threadIdx.x; i < Panel::quads; i += Panel::threads) finish_quad(i, quad_of(i));
    return;
  }
  auto* parts = reinterpret_cast<float4*>(size.partial) + int64_t{tile} * size.splits * Panel::quads;
  for (int i = threadIdx.x; i < Panel::quads; i += Panel::threads)
    parts[split * Panel::quads + i] = quad_of(i);
  if (!is_last_block(size.counters + tile, size.splits)) return;
  for (int i = threadIdx.x; i < Panel::quads; i += Panel::threads)
    finish_quad(i, sum_of_far_quads(parts + i, size.splits, Panel::quads));
}

/// How a product is cut into tiles of a panel and, where these alone would leave multiprocessors idle, into
/// parts of the sum of at least `least_stages` stages, at most `most_splits`.
template <class Panel>
ProductSize<float> cut_panels(int64_t rows, int64_t columns, int64_t inner, int multiprocessors,
                              uint32_t* counters, int most_splits, int least_stages = 2) {
  int64_t tiles =
      std::max<int64_t>(int64_t{blocks_for(rows, Panel::rows)} * blocks_for(columns, Panel::columns), 1);
  int64_t depths = std::max<int64_t>(blocks_for(inner, Panel::depth), 1);
  int64_t splits =
      tiles > Context::counter_count / 2
          ? 1
          : std::clamp<int64_t>(multiprocessors / tiles, 1,
                                std::max<int64_t>(std::min<int64_t>(depths / least_stages, most_splits), 1));
  int64_t depth_a_split = (depths + splits - 1) / splits * Panel::depth;
  splits = std::max<int64_t>(blocks_for(inner, depth_a_split), 1);
  return {rows, columns, inner, depth_a_split, static_cast<int>(splits), nullptr, counters};
}

}  // namespace manul::cuda
