#include "ops/conv_relu_pool.h"

#include "ops/conv2d_cpu.h"
#include "ops/conv_relu_pool_cpu.h"

namespace manul::cpu {
namespace {

/// Convolution rows of a pooled pixel that are summed at a time: both, if there are registers for several
/// pixels of them.
constexpr int rows_at_once = vector_registers == 32 ? 2 : 1;

/// Keeps the first `count` lanes of `code` as bytes.
template <class T>
[[gnu::always_inline]] inline void store_codes(uint8_t* to, typename Codes<T>::Wide code, int64_t count) {
  auto bytes = narrow<T>(code);
  if (count == lanes<T>)
    std::memcpy(to, &bytes, lanes<T>);
  else
    std::memcpy(to, &bytes, static_cast<size_t>(count));
}

/// The largest of a window's outputs so far, the first of equal ones.
template <class T>
struct Winner {
  using Wide = typename Codes<T>::Wide;
  Vector<T> value;
  Wide code{};

  [[gnu::always_inline]] void meet(Vector<T> other, int position) {
    code = other > value ? Wide{} + position : code;
    value = other > value ? other : value;
  }
  /// Cut by relu. A NaN in the first place stays.
  [[gnu::always_inline]] void keep(int64_t count, T* pooled, uint8_t* winner) const {
    Vector<T> zero{};
    store_codes<T>(winner, value > zero ? code : Wide{} + cut, count);
    Vector<T> positive = value < zero ? zero : value;
    if (count == lanes<T>)
      store(pooled, positive);
    else
      store_part(pooled, positive, count);
  }
};

/// `columns` neighbouring pooled pixels of one block of filters, out of `filters`.
template <class T, int vectors, int columns>
[[gnu::noinline]] void forward_tile(const T* x, int64_t down, int64_t right, std::span<const Run> runs,
                                    const WeightBlock<T>& block, int64_t filters, T* pooled,
                                    uint8_t* winner) {
  constexpr int width = 2 * columns, outputs = rows_at_once * width;
  Winner<T> best[columns][vectors];
#pragma GCC unroll 2
  for (int row = 0; row < 2; row += rows_at_once) {
    Vector<T> sums[outputs][vectors];
#pragma GCC unroll 32
    for (int output = 0; output < outputs; ++output)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[output][v] = load(block.bias + v * lanes<T>);
    accumulate<T, vectors, rows_at_once, width>(x + row * down, down, right, runs, block.weights, sums);
#pragma GCC unroll 32
    for (int output = 0; output < outputs; ++output)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        int position = 2 * (row + output / width) + output % 2;
        Winner<T>& window = best[output % width / 2][v];
        if (position == 0)
          window.value = sums[output][v];
        else
          window.meet(sums[output][v], position);
      }
  }
#pragma GCC unroll 8
  for (int column = 0; column < columns; ++column)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      int64_t at = column * filters + block.first + v * lanes<T>;
      best[column][v].keep(std::min<int64_t>(lanes<T>, block.filters - v * lanes<T>), pooled + at,
                           winner + at);
    }
}

template <class T>
void forward(const T* x, const T* kernel, const T* bias, int64_t filters, const WindowGeometry& g, T* pooled,
             uint8_t* winner) {
  constexpr int most_columns = tile_vectors / block_vectors / (2 * rows_at_once);
  std::vector<Tap> taps = window_taps(g);
  PooledRows rows(g);
  std::vector<Run> runs = runs_of(taps, rows.row_step, g.channels);
  PackedWeights<T> packed(kernel, taps, g.channels, 1, filters, g.size[0] * g.size[1] * g.channels, bias);
  parallel_for(rows.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      rows.prefetch_after(i, x);
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
    }
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
