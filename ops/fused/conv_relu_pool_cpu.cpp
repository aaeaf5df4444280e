#include "manul/ops/fused/conv_relu_pool.h"

#include "manul/ops/conv/conv2d_row_cpu.h"
#include "manul/ops/fused/conv_relu_pool_cpu.h"

namespace manul::cpu {
namespace {

/// Neighbouring pooled pixels of a row at a time: their convolution stays in the nearest cache.
constexpr int64_t most_pixels = 32;

/// Keeps the first `count` lanes of `code` as bytes.
template <class T>
[[gnu::always_inline]] inline void store_codes(uint8_t* to, typename Codes<T>::Wide code, int64_t count) {
  auto bytes = narrow<T>(code);
  if (count == lanes<T>)
    std::memcpy(to, &bytes, lanes<T>);
  else if (count > 0)
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

/// Pools `pixels` neighbouring windows of one block of `block_filters` out of `filters` filters, which fill
/// `vectors` vectors, all but the last lanes if not `whole`.
template <class T, int vectors, bool whole>
[[gnu::noinline]] void pool(const T* above, const T* below, int64_t pixels, int64_t block_filters,
                            int64_t filters, T* pooled, uint8_t* winner) {
  constexpr int64_t step = block_vectors * lanes<T>;
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      constexpr int64_t width = lanes<T>;
      int64_t f = v * width;
      Winner<T> best{load(above + f)};
      best.meet(load(above + step + f), 1);
      best.meet(load(below + f), 2);
      best.meet(load(below + step + f), 3);
      best.keep(whole ? width : std::min(width, block_filters - f), pooled + f, winner + f);
    }
    above += 2 * step;
    below += 2 * step;
    pooled += filters;
    winner += filters;
  }
}

template <class T>
void pool(const T* above, const T* below, int64_t pixels, const WeightBlock<T>& block, int64_t filters,
          T* pooled, uint8_t* winner) {
  dispatch<block_vectors>(block.vectors, [&](auto vectors) {
    if (block.filters == vectors * lanes<T>)
      pool<T, vectors, true>(above, below, pixels, block.filters, filters, pooled, winner);
    else
      pool<T, vectors, false>(above, below, pixels, block.filters, filters, pooled, winner);
  });
}

template <class T>
void forward(const T* x, const Tensor& kernel, const T* bias, const WindowGeometry& g, T* pooled,
             uint8_t* winner) {
  const int64_t filters = kernel.shape()[0];
  std::vector<Tap> taps = window_taps(g);
  PooledRows rows(g);
  std::vector<Run> runs = runs_of(taps, rows.row_step, g.channels);
  PackedWeights<T> packed(
      kernel, {kernel.data<T>(), taps, g.channels, 1, filters, g.size[0] * g.size[1] * g.channels}, bias);
  const auto blocks = static_cast<int64_t>(packed.blocks().size());
  const int64_t tiles = 2 * blocks * ((2 * rows.width + most_columns - 1) / most_columns);  // of a pooled row
  parallel_for(rows.count, 1, [&](int64_t begin, int64_t end) {
    constexpr int64_t step = block_vectors * lanes<T>;
    T outputs[2]
             [2 * most_pixels * step];  // to fill it with zeros for each row would take longer than to pool
    Ahead ahead;
    for (int64_t i = begin; i < end; ++i) {
      const PooledRows::Place place = rows.at(i);
      // What pool() writes, too: its few stores would wait for one cache line after the other.
      rows.ask_for_pooled(pooled, filters, place, ahead);
      rows.ask_for_pooled(winner, filters, place, ahead);
      if (i + 1 < rows.count) rows.ask_for_input(x, rows.at(i + 1), ahead);
      ahead.spread(tiles);
      for (const WeightBlock<T>& block : packed.blocks())
        split_evenly(rows.width, most_pixels, [&](int64_t pixel, int64_t pixels) {
          const T* from = x + place.input + pixel * 2 * rows.right;
          int64_t to = (place.pixel + pixel) * filters + block.first;
          for (int row = 0; row < 2; ++row)
            correlate_row(from + row * rows.down, rows.right, 2 * pixels, std::span<const Run>(runs), block,
                          outputs[row], step, &ahead);
          pool(outputs[0], outputs[1], pixels, block, filters, pooled + to, winner + to);
        });
    }
  });
}

}  // namespace

void conv_relu_pool_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const WindowGeometry& conv, const Tensor& pooled, const Tensor& winner) {
  visit_float(x.dtype(), "conv_relu_pool", [&]<class T>(T) {
    forward(x.data<T>(), kernel, bias.defined() ? bias.data<T>() : nullptr, conv, pooled.mutable_data<T>(),
            winner.mutable_data<uint8_t>());
  });
}

}  // namespace manul::cpu
