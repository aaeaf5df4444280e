#include "ops/conv_relu_pool.h"

#include "ops/conv2d_cpu.h"
#include "ops/conv_relu_pool_cpu.h"

namespace manul::cpu {
namespace {

/// Keeps the first `count` lanes of `code` as bytes.
template <class T>
[[gnu::always_inline]] inline void store_codes(uint8_t* to, typename Codes<T>::Wide code, int64_t count) {
  auto bytes = __builtin_convertvector(code, typename Codes<T>::Bytes);
  if (count == lanes<T>)
    std::memcpy(to, &bytes, lanes<T>);
  else
    std::memcpy(to, &bytes, static_cast<size_t>(count));
}

/// The largest of four outputs, the first of equal ones, cut by relu. A NaN in the first place stays.
template <class T>
[[gnu::always_inline]] inline void pool_window(Vector<T> a, Vector<T> b, Vector<T> c, Vector<T> d,
                                               int64_t count, T* pooled, uint8_t* winner) {
  using Wide = typename Codes<T>::Wide;
  Wide code{};
  code = b > a ? Wide{} + 1 : code;
  a = b > a ? b : a;
  code = c > a ? Wide{} + 2 : code;
  a = c > a ? c : a;
  code = d > a ? Wide{} + 3 : code;
  a = d > a ? d : a;
  Vector<T> zero{};
  store_codes<T>(winner, a > zero ? code : Wide{} + cut, count);
  a = a < zero ? zero : a;
  if (count == lanes<T>)
    store(pooled, a);
  else
    store_part(pooled, a, count);
}

/// `columns` neighbouring pooled pixels of one block of filters, out of `filters`.
template <class T, int vectors, int columns>
[[gnu::noinline]] void forward_tile(const T* x, int64_t down, int64_t right, std::span<const Run> runs,
                                    const WeightBlock<T>& block, int64_t filters, T* pooled,
                                    uint8_t* winner) {
  constexpr int width = 2 * columns;
  Vector<T> sums[2 * width][vectors];
#pragma GCC unroll 32
  for (int output = 0; output < 2 * width; ++output)
    for (int v = 0; v < vectors; ++v) sums[output][v] = load(block.bias + v * lanes<T>);
  accumulate<T, vectors, 2, width>(x, down, right, runs, block.weights, sums);
#pragma GCC unroll 8
  for (int column = 0; column < columns; ++column)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      int64_t at = column * filters + block.first + v * lanes<T>;
      int upper = 2 * column, lower = width + upper;
      pool_window<T>(sums[upper][v], sums[upper + 1][v], sums[lower][v], sums[lower + 1][v],
                     std::min<int64_t>(lanes<T>, block.filters - v * lanes<T>), pooled + at, winner + at);
    }
}

template <class T>
void forward(const T* x, const T* kernel, const T* bias, int64_t filters, const WindowGeometry& g, T* pooled,
             uint8_t* winner) {
  constexpr int most_columns = tile_vectors / block_vectors / 4;
  std::vector<Tap> taps = window_taps(g);
  PooledRows rows(g);
  std::vector<Run> runs = runs_of(taps, rows.row_step, g.channels);
  PackedWeights<T> packed(kernel, taps, g.channels, 1, filters, g.size[0] * g.size[1] * g.channels, bias);
  parallel_for(rows.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (const WeightBlock<T>& block : packed.blocks())
        split_evenly(rows.width, most_columns, [&](int64_t column, int64_t columns) {
          const T* from = x + rows.input(i) + column * 2 * rows.right;
          int64_t to = (rows.pixel(i) + column) * filters;
          dispatch<block_vectors>(block.vectors, [&](auto vectors) {
            dispatch<most_columns>(columns, [&](auto length) {
              forward_tile<T, vectors, length>(from, rows.down, rows.right, runs, block, filters, pooled + to,
                                               winner + to);
            });
          });
        });
  });
}

}  // namespace

void conv_relu_pool_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const WindowGeometry& conv, const Tensor& pooled, const Tensor& winner) {
  visit_float(x.dtype(), "conv_relu_pool", [&]<class T>(T) {
    forward(x.data<T>(), kernel.data<T>(), bias.defined() ? bias.data<T>() : nullptr, kernel.shape()[0], conv,
            pooled.mutable_data<T>(), winner.mutable_data<uint8_t>());
  });
}

}  // namespace manul::cpu
