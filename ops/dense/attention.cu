#include "manul/ops/dense/attention.h"

#include "manul/ops/dense/attention_tiles_cuda.h"

// Attention tile by tile of the keys, with the softmax's largest score and sum corrected as they grow (Dao et
// al. 2022).
namespace manul::cuda {
namespace {

struct AttentionInputs {
  Heads<const bfloat16> q, k, v;
  float factor;  // times log2(e)
};

/// A block has 64 queries of a head, a warp 16 of them.
template <int size>
__global__ void __launch_bounds__(attention_threads)
    attention_tiles(AttentionInputs in, float* logs, Heads<bfloat16> y) {
  begin_kernel();
  using Tile = HeadTile<size>;
  auto* shared = dynamic_shared<bfloat16>();
  Tile queries{shared};
  auto keys = [&](int j) { return Tile{shared + (1 + j % 2 * 2) * Tile::elements}; };
  auto values = [&](int j) { return Tile{shared + (2 + j % 2 * 2) * Tile::elements}; };
  HeadBlock block(in.q.heads, tiles_of(in.q.rows));
  auto q = in.q.of(block.sample, block.head), k = in.k.of(block.sample, block.head),
       v = in.v.of(block.sample, block.head);
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, begin = block.tile * tile_rows + warp * 16;
  bool works = begin < q.rows;
  auto load_keys = [&](int j) {
    keys(j).load(k, j * tile_rows);
    values(j).load(v, j * tile_rows);
  };

  queries.load(q, block.tile * tile_rows);
  load_keys(0);
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  uint32_t query[size / 16][4];
#pragma unroll
  for (int d = 0; d < size / 16; ++d) load_a(query[d], queries, warp * 16, d * 16);
  float out[size / 8][4] = {}, top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};

  for_each_tile(tiles_of(k.rows), load_keys, [&](int j) {
    int count = min(k.rows - j * tile_rows, tile_rows);
    if (!works) return;
    float scores[tile_rows / 8][4];
    float largest[2] = {top[0], top[1]};
#pragma unroll
    for (int n = 0; n < tile_rows / 8; n += 2) {
      if (n * 8 >= count) break;
#pragma unroll
      for (int e = 0; e < 4; ++e) scores[n][e] = scores[n + 1][e] = 0;
      multiply_add_rows(scores[n], scores[n + 1], query, keys(j), n * 8);
#pragma unroll
      for (int m = n; m < n + 2; ++m)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          if (m * 8 + lane % 4 * 2 + e % 2 >= count) scores[m][e] = -INFINITY;
          largest[e / 2] = fmaxf(largest[e / 2], scores[m][e]);
        }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      largest[half] = row_max(largest[half]);
      float shrunk = exp2f((top[half] - largest[half]) * in.factor);
      top[half] = largest[half];
      sum[half] *= shrunk;
#pragma unroll
      for (int n = 0; n < size / 8; ++n) {
        out[n][2 * half] *= shrunk;
        out[n][2 * half + 1] *= shrunk;
      }
    }
#pragma unroll
    for (int n = 0; n < tile_rows / 8; n += 2) {
      if (n * 8 >= count) break;
#pragma unroll
      for (int m = n; m < n + 2; ++m)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          scores[m][e] = exp2f((scores[m][e] - top[e / 2]) * in.factor);
          sum[e / 2] += scores[m][e];
        }
      uint32_t weights[4];
      as_a(weights, scores[n], scores[n + 1]);
      multiply_add_columns(out, weights, values(j), n * 8);
    }
  });
  if (!works) return;
  float factors[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    sum[half] = row_sum(sum[half]);
    factors[half] = 1 / sum[half];
    int row = begin + lane / 4 + half * 8;
    if (lane % 4 == 0 && row < q.rows)
      logs[(block.sample * in.q.heads + block.head) * q.rows + row] =
          top[half] * in.factor + log2f(sum[half]);
  }
  store_rows<size>(y.of(block.sample, block.head), begin, out, factors);
}

}  // namespace

bool has_attention(Device device) {
  return Context::use(device.index).capability() >= 80;
}

void attention_forward(const Tensor& q, const Tensor& k, const Tensor& v, double factor, const Tensor& logs,
                       const Tensor& y) {
  AttentionInputs in{heads_of(q.shape(), q.data<bfloat16>()), heads_of(k.shape(), k.data<bfloat16>()),
                     heads_of(v.shape(), v.data<bfloat16>()), static_cast<float>(factor * M_LOG2E)};
  auto out = heads_of(y.shape(), y.mutable_data<bfloat16>());
  int64_t blocks = q.shape()[0] * q.shape()[2] * tiles_of(in.q.rows);
  auto start = [&](auto constant) {
    constexpr int size = decltype(constant)::value;
    constexpr size_t bytes = 5 * HeadTile<size>::elements * sizeof(bfloat16);
    launch_with_shared(context_of(q), attention_tiles<size>, dim3(static_cast<unsigned>(blocks)),
                       attention_threads, bytes, in, logs.mutable_data<float>(), out);
  };
  if (std::max(in.q.length, in.v.length) <= 32)
    start(std::integral_constant<int, 32>{});
  else
    start(std::integral_constant<int, 64>{});
}

}  // namespace manul::cuda
