#include "manul/ops/dense/attention.h"
#include "manul/ops/dense/attention_tiles_cuda.h"

// With P = softmax(factor * q kᵀ), computed again from the logarithms of its sums: dv = Pᵀ dy, dP = dy vᵀ,
// dS = P * (dP - delta) with delta = the sums of y * dy over each row, dq = factor * dS k and
// dk = factor * dSᵀ q. One kernel has dq and delta, a second dk and dv, so that nothing is added by several
// blocks.
namespace manul::cuda {
namespace {

struct AttentionGradients {
  Heads<const bfloat16> q, k, v, y, dy;
  float factor, exponent;  // exponent: factor * log2(e)
  const float* logs;
  float* deltas;
  __device__ int64_t first_row(const HeadBlock& block) const {
    return (block.sample * q.heads + block.head) * q.rows;
  }
};

/// The sum over a warp's pairs of elements of bf16 in both, added to those of its two rows.
__device__ void add_products(float (&sums)[2], const uint32_t (&a)[4], const uint32_t (&b)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    auto value = [](uint32_t pair, int place) {
      return static_cast<float>(bfloat16::from_bits(static_cast<uint16_t>(pair >> 16 * place)));
    };
    sums[i % 2] += value(a[i], 0) * value(b[i], 0) + value(a[i], 1) * value(b[i], 1);
  }
}

/// A block has 64 queries of a head, a warp 16 of them: dq and delta.
template <int size>
__global__ void __launch_bounds__(attention_threads)
    query_gradient_tiles(AttentionGradients in, Heads<bfloat16> dq) {
  begin_kernel();
  using Tile = HeadTile<size>;
  auto* shared = dynamic_shared<bfloat16>();
  Tile queries{shared}, arrived{shared + Tile::elements};
  auto keys = [&](int j) { return Tile{shared + (2 + j % 2 * 2) * Tile::elements}; };
  auto values = [&](int j) { return Tile{shared + (3 + j % 2 * 2) * Tile::elements}; };
  HeadBlock block(in.q.heads, tiles_of(in.q.rows));
  auto k = in.k.of(block.sample, block.head), v = in.v.of(block.sample, block.head);
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, first = block.tile * tile_rows,
      begin = first + warp * 16;
  bool works = begin < in.q.rows;
  auto load_keys = [&](int j) {
    keys(j).load(k, j * tile_rows);
    values(j).load(v, j * tile_rows);
  };

  Tile outputs = keys(1);  // until the second tile of the keys comes
  queries.load(in.q.of(block.sample, block.head), first);
  arrived.load(in.dy.of(block.sample, block.head), first);
  outputs.load(in.y.of(block.sample, block.head), first);
  load_keys(0);
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  uint32_t query[size / 16][4], gradient[size / 16][4];
  float delta[2] = {0, 0}, log[2], result[size / 8][4] = {};
#pragma unroll
  for (int d = 0; d < size / 16; ++d) {
    uint32_t output[4];
    load_a(query[d], queries, warp * 16, d * 16);
    load_a(gradient[d], arrived, warp * 16, d * 16);
    load_a(output, outputs, warp * 16, d * 16);
    add_products(delta, gradient[d], output);
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    delta[half] = row_sum(delta[half]);
    int row = begin + lane / 4 + half * 8;
    log[half] = row < in.q.rows ? in.logs[in.first_row(block) + row] : INFINITY;
    if (lane % 4 == 0 && row < in.q.rows) in.deltas[in.first_row(block) + row] = delta[half];
  }
  __syncthreads();

  for_each_tile(tiles_of(k.rows), load_keys, [&](int j) {
    int count = works ? min(k.rows - j * tile_rows, tile_rows) : 0;
    for (int n = 0; n < count; n += 16) {
      float scores[2][4] = {}, weights[2][4] = {};  // weights: their gradients
      multiply_add_rows(scores[0], scores[1], query, keys(j), n);
      multiply_add_rows(weights[0], weights[1], gradient, values(j), n);
#pragma unroll
      for (int m = 0; m < 2; ++m)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          bool inside = n + m * 8 + lane % 4 * 2 + e % 2 < count;
          float weight = inside ? exp2f(scores[m][e] * in.exponent - log[e / 2]) : 0.0f;
          scores[m][e] = weight * (weights[m][e] - delta[e / 2]);
        }
      uint32_t a[4];
      as_a(a, scores[0], scores[1]);
      multiply_add_columns(result, a, keys(j), n);
    }
  });
  if (works) store_rows<size>(dq.of(block.sample, block.head), begin, result, {in.factor, in.factor});
}

/// A block has 64 keys of a head, a warp 16 of them: dk and dv.
template <int size>
__global__ void __launch_bounds__(attention_threads)
    key_gradient_tiles(AttentionGradients in, Heads<bfloat16> dk, Heads<bfloat16> dv) {
  begin_kernel();
  using Tile = HeadTile<size>;
  __shared__ float logs[2][tile_rows], deltas[2][tile_rows];
  auto* shared = dynamic_shared<bfloat16>();
  Tile keys{shared}, values{shared + Tile::elements};
  auto queries = [&](int j) { return Tile{shared + (2 + j % 2 * 2) * Tile::elements}; };
  auto arrived = [&](int j) { return Tile{shared + (3 + j % 2 * 2) * Tile::elements}; };
  HeadBlock block(in.q.heads, tiles_of(in.k.rows));
  auto q = in.q.of(block.sample, block.head), dy = in.dy.of(block.sample, block.head);
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, first = block.tile * tile_rows,
      begin = first + warp * 16;
  bool works = begin < in.k.rows;
  auto load_queries = [&](int j) {
    queries(j).load(q, j * tile_rows);
    arrived(j).load(dy, j * tile_rows);
    if (int row = j * tile_rows + static_cast<int>(threadIdx.x); threadIdx.x < tile_rows) {
      // Behind the last query, infinity: its weights are 0.
      logs[j % 2][threadIdx.x] = row < q.rows ? in.logs[in.first_row(block) + row] : INFINITY;
      deltas[j % 2][threadIdx.x] = row < q.rows ? in.deltas[in.first_row(block) + row] : 0.0f;
    }
  };

  keys.load(in.k.of(block.sample, block.head), first);
  values.load(in.v.of(block.sample, block.head), first);
  load_queries(0);
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  uint32_t key[size / 16][4], value[size / 16][4];
#pragma unroll
  for (int d = 0; d < size / 16; ++d) {
    load_a(key[d], keys, warp * 16, d * 16);
    load_a(value[d], values, warp * 16, d * 16);
  }
  float of_key[size / 8][4] = {}, of_value[size / 8][4] = {};

  for_each_tile(tiles_of(q.rows), load_queries, [&](int j) {
    int count = works ? min(q.rows - j * tile_rows, tile_rows) : 0;
    for (int n = 0; n < count; n += 16) {
      float scores[2][4] = {}, weights[2][4] = {};  // both transposed: a row a key
      multiply_add_rows(scores[0], scores[1], key, queries(j), n);
      multiply_add_rows(weights[0], weights[1], value, arrived(j), n);
#pragma unroll
      for (int m = 0; m < 2; ++m)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          int query = n + m * 8 + lane % 4 * 2 + e % 2;
          float weight = exp2f(scores[m][e] * in.exponent - logs[j % 2][query]);
          scores[m][e] = weight * (weights[m][e] - deltas[j % 2][query]);
          weights[m][e] = weight;
        }
      uint32_t of_scores[4], of_weights[4];
      as_a(of_scores, scores[0], scores[1]);
      as_a(of_weights, weights[0], weights[1]);
      multiply_add_columns(of_key, of_scores, queries(j), n);
      multiply_add_columns(of_value, of_weights, arrived(j), n);
    }
  });
  if (!works) return;
  store_rows<size>(dk.of(block.sample, block.head), begin, of_key, {in.factor, in.factor});
  store_rows<size>(dv.of(block.sample, block.head), begin, of_value, {1.0f, 1.0f});
}

}  // namespace

void attention_backward(const Tensor& q, const Tensor& k, const Tensor& v, double factor, const Tensor& logs,
                        const Tensor& y, const Tensor& dy, const Tensor& dq, const Tensor& dk,
                        const Tensor& dv) {
  Tensor deltas = Tensor::empty_like(logs);
  auto read = [](const Tensor& x) { return heads_of(x.shape(), x.data<bfloat16>()); };
  auto written = [](const Tensor& x) { return heads_of(x.shape(), x.mutable_data<bfloat16>()); };
  AttentionGradients in{read(q),
                        read(k),
                        read(v),
                        read(y),
                        read(dy),
                        static_cast<float>(factor),
                        static_cast<float>(factor * M_LOG2E),
                        logs.data<float>(),
                        deltas.mutable_data<float>()};
  Heads<bfloat16> of_q = written(dq), of_k = written(dk), of_v = written(dv);
  const Context& context = context_of(q);
  auto blocks = [&](int rows) {
    return dim3(static_cast<unsigned>(q.shape()[0] * q.shape()[2] * tiles_of(rows)));
  };
  auto start = [&](auto constant) {
    constexpr int size = decltype(constant)::value;
    constexpr size_t bytes = 6 * HeadTile<size>::elements * sizeof(bfloat16);
    launch_with_shared(context, query_gradient_tiles<size>, blocks(in.q.rows), attention_threads, bytes, in,
                       of_q);
    launch_with_shared(context, key_gradient_tiles<size>, blocks(in.k.rows), attention_threads, bytes, in,
                       of_k, of_v);
  };
  if (std::max(in.q.length, in.v.length) <= 32)
    start(std::integral_constant<int, 32>{});
  else
    start(std::integral_constant<int, 64>{});
}

}  // namespace manul::cuda
