#pragma once

#include <algorithm>

#include "manul/ops/conv/conv2d_cpu.h"
#include "manul/ops/fused/conv2d_activation.h"

// Depthwise convolutions of the CPU: channels lie in the lanes of the vectors, and a tile of neighbouring
// outputs stays in registers while the taps are walked. Taps outside the picture are left out, so that
// nothing is copied. Included by vector kernels (ops/*_cpu.cpp) only.
namespace manul::cpu {

/// A tap: where it reads, from the input pixel that an output starts at, and where its weights begin.
using DepthwiseTap = Tap;

/// The taps of a depthwise window, for weights [height][width][filters].
inline std::vector<DepthwiseTap> depthwise_taps(const WindowGeometry& g, int64_t filters) {
  std::vector<DepthwiseTap> taps;
  for (int64_t ky = 0; ky < g.size[0]; ++ky)
    for (int64_t kx = 0; kx < g.size[1]; ++kx)
      taps.push_back({ky * g.dilation[0] - g.pad_before[0], kx * g.dilation[1] - g.pad_before[1],
                      (ky * g.size[1] + kx) * filters});
  return taps;
}

/// The columns (of outputs) in [0, count) whose tap lies on a picture of this width.
struct ColumnRange {
  int64_t begin, end;
};
inline ColumnRange columns_of(int64_t tap_column, int64_t stride, int64_t width, int64_t count) {
  int64_t begin = tap_column >= 0 ? 0 : (-tap_column + stride - 1) / stride;
  int64_t end = tap_column >= width ? 0 : (width - 1 - tap_column) / stride + 1;
  begin = std::min(begin, count);
  return {begin, std::clamp(end, begin, count)};
}

/// The taps that output row `row` reads with, and the columns where all of them do.
struct ActiveTaps {
  std::vector<DepthwiseTap> taps;
  ColumnRange inside{0, 0};

  /// Keeps those of `all` that lie on a picture of `height` rows.
  void select(std::span<const DepthwiseTap> all, int64_t top, int64_t height, int64_t width, int64_t stride,
              int64_t count) {
    taps.clear();
    inside = {0, count};
    for (const DepthwiseTap& tap : all) {
      if (top + tap.row < 0 || top + tap.row >= height) continue;
      ColumnRange columns = columns_of(tap.column, stride, width, count);
      if (columns.begin == columns.end) continue;
      taps.push_back(tap);
      inside = {std::max(inside.begin, columns.begin), std::min(inside.end, columns.end)};
    }
    inside.end = std::max(inside.begin, inside.end);
  }
  /// Those of the taps that lie on the picture for one column.
  void select_column(std::span<const DepthwiseTap> all, int64_t left, int64_t width) {
    taps.clear();
    for (const DepthwiseTap& tap : all)
      if (left + tap.column >= 0 && left + tap.column < width) taps.push_back(tap);
  }
};

/// Calls part(first channel, std::integral_constant of vectors) for all channels; the last vector of many
/// channels overlaps the one before. Of channels that do not fill a vector: 0 vectors.
template <class T, int most_vectors, class Function>
void for_channels(int64_t channels, const Function& part) {
  if (channels < lanes<T>) {
    if (channels > 0) part(int64_t{0}, std::integral_constant<int, 0>());
    return;
  }
  int64_t channel = 0;
  for (; channel + most_vectors * lanes<T> <= channels; channel += most_vectors * lanes<T>)
    part(channel, std::integral_constant<int, most_vectors>());
  for (; channel + lanes<T> <= channels; channel += lanes<T>) part(channel, std::integral_constant<int, 1>());
  if (channel < channels) part(channels - lanes<T>, std::integral_constant<int, 1>());
}

inline constexpr int depthwise_vectors = 2, depthwise_columns = tile_vectors / depthwise_vectors / 3 * 2;

/// y[n, row, column, c] = bias[c] + the sum over taps of x[n, row * stride + tap.row, column * stride +
/// tap.column, c] * weights[tap.weight + c].
template <class T>
struct DepthwisePass {
  const T* x;  // [batch, rows, columns, channels]
  int64_t batch, rows, columns, channels;
  std::array<int64_t, 2> strides, output;
  const T *weights, *bias;  // bias may be null
  T* y;
  int64_t picture_step, row_step, column_step;  // of y
  /// Of whole rows that lie without gaps, while they are in the cache. Null: none.
  const FinishRange* finish = nullptr;

  void run(std::span<const DepthwiseTap> taps) const {
    int64_t work = output[1] * channels * std::max<int64_t>(static_cast<int64_t>(taps.size()), 1);
    int64_t grain = std::max<int64_t>((1 << 16) / std::max<int64_t>(work, 1), 1);
    parallel_for(batch * output[0], grain, [&](int64_t begin, int64_t end) {
      ActiveTaps row_taps, column_taps;
      for (int64_t i = begin; i < end; ++i) {
        int64_t n = i / output[0], row = i % output[0], top = row * strides[0];
        row_taps.select(taps, top, rows, columns, strides[1], output[1]);
        const T* from = x + (n * rows + top) * columns * channels;
        T* to = y + n * picture_step + row * row_step;
        auto border = [&](int64_t first, int64_t last) {
          for (int64_t column = first; column < last; ++column) {
            column_taps.select_column(row_taps.taps, column * strides[1], columns);
            run_columns(column_taps.taps, from, column, 1, to);
          }
        };
        border(0, row_taps.inside.begin);
        run_columns(row_taps.taps, from, row_taps.inside.begin, row_taps.inside.end - row_taps.inside.begin,
                    to);
        border(row_taps.inside.end, output[1]);
        if (finish) (*finish)({to - y, output[1] * column_step});
      }
    });
  }

 private:
  void run_columns(std::span<const DepthwiseTap> taps, const T* row, int64_t first, int64_t count,
                   T* to) const {
    split_evenly(count, depthwise_columns, [&](int64_t begin, int64_t length) {
      int64_t column = first + begin;
      dispatch<depthwise_columns>(length, [&](auto tile) {
        for_channels<T, depthwise_vectors>(channels, [&](int64_t channel, auto vectors) {
          this->template run_tile<vectors, tile>(taps, row + column * strides[1] * channels + channel,
                                                 weights + channel, bias ? bias + channel : nullptr,
                                                 to + column * column_step + channel);
        });
      });
    });
  }

  /// `vectors` of 0: the channels do not fill one.
  template <int vectors, int tile>
  [[gnu::noinline]] void run_tile(std::span<const DepthwiseTap> taps, const T* from, const T* weight,
                                  const T* offset, T* to) const {
    constexpr int wide = vectors == 0 ? 1 : vectors;
    auto load_channels = [this](const T* at) { return vectors == 0 ? load_part(at, channels) : load(at); };
    const int64_t right = strides[1] * channels;
    Vector<T> sums[tile][wide];
#pragma GCC unroll 32
    for (int column = 0; column < tile; ++column)
#pragma GCC unroll 4
      for (int v = 0; v < wide; ++v)
        sums[column][v] = offset ? load_channels(offset + v * lanes<T>) : Vector<T>{};
    for (const DepthwiseTap& tap : taps) {
      const T* at = from + (tap.row * columns + tap.column) * channels;
      Vector<T> by[wide];
#pragma GCC unroll 4
      for (int v = 0; v < wide; ++v) by[v] = load_channels(weight + tap.weight + v * lanes<T>);
#pragma GCC unroll 32
      for (int column = 0; column < tile; ++column)
#pragma GCC unroll 4
        for (int v = 0; v < wide; ++v)
          sums[column][v] += load_channels(at + column * right + v * lanes<T>) * by[v];
    }
#pragma GCC unroll 32
    for (int column = 0; column < tile; ++column)
#pragma GCC unroll 4
      for (int v = 0; v < wide; ++v) {
        T* place = to + column * column_step + v * lanes<T>;
        if constexpr (vectors == 0)
          store_part(place, sums[column][v], channels);
        else
          store(place, sums[column][v]);
      }
  }
};

/// The sums of dy times what each tap reads, and of dy: in parts of the output rows, each with its own sums,
/// which are added in order.
template <class T>
class DepthwiseKernelGradient {
 public:
  DepthwiseKernelGradient(const WindowGeometry& g, int64_t filters, bool kernel, bool bias)
      : g_(g), filters_(filters), kernel_(kernel), bias_(bias), taps_(depthwise_taps(g, filters)) {
    step_ = (static_cast<int64_t>(taps_.size()) + 1) * filters;  // a sum a tap, then that of the bias
    constexpr int64_t most_parts = 32, part_outputs = 64;        // at least, to pay for sums of their own
    parts_ = std::clamp(g.batch * g.output[0] * g.output[1] / part_outputs, int64_t{1}, most_parts);
    memory_ = Tensor::zeros({parts_ * step_}, dtype_of<T>);
  }

  /// Adds `pictures` of x [.., filters] and dy.
  void add(const T* x, const T* dy, int64_t pictures) {
    int64_t rows = pictures * g_.output[0];
    T* sums = memory_.mutable_data<T>();
    parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      ActiveTaps active, column_active;
      for (int64_t part = begin; part < end; ++part)
        for (int64_t row = rows * part / parts_; row < rows * (part + 1) / parts_; ++row)
          add_row(x, dy, row, active, column_active, sums + part * step_);
    });
  }

  void finish(T* dkernel, T* dbias) const {
    int64_t weights = step_ - filters_;
    const T* sums = memory_.data<T>();
    parallel_for(step_, 1 << 10, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* to = i < weights ? dkernel : dbias;
        if (!to) continue;
        T total = 0;
        for (int64_t part = 0; part < parts_; ++part) total += sums[part * step_ + i];
        to[i < weights ? i : i - weights] = total;
      }
    });
  }

 private:
  static constexpr int most_taps = 9;

  void add_row(const T* x, const T* dy, int64_t row, ActiveTaps& active, ActiveTaps& column_active,
               T* sums) const {
    int64_t n = row / g_.output[0], top = row % g_.output[0] * g_.strides[0];
    const T* from = x + (n * g_.input[0] + top) * g_.input[1] * filters_;
    const T* arrived = dy + row * g_.output[1] * filters_;
    if (bias_) {
      T* to = sums + step_ - filters_;
      for (int64_t column = 0; column < g_.output[1]; ++column)
        for (int64_t f = 0; f < filters_; ++f) to[f] += arrived[column * filters_ + f];
    }
    if (!kernel_) return;
    active.select(taps_, top, g_.input[0], g_.input[1], g_.strides[1], g_.output[1]);
    auto border = [&](int64_t first, int64_t last) {
      for (int64_t column = first; column < last; ++column) {
        column_active.select_column(active.taps, column * g_.strides[1], g_.input[1]);
        add_columns(column_active.taps, from, arrived, column, 1, sums);
      }
    };
    border(0, active.inside.begin);
    add_columns(active.taps, from, arrived, active.inside.begin, active.inside.end - active.inside.begin,
                sums);
    border(active.inside.end, g_.output[1]);
  }

  void add_columns(std::span<const DepthwiseTap> taps, const T* from, const T* arrived, int64_t first,
                   int64_t count, T* sums) const {
    if (count == 0 || taps.empty()) return;
    from += first * g_.strides[1] * filters_;
    arrived += first * filters_;
    split_evenly(static_cast<int64_t>(taps.size()), most_taps, [&](int64_t begin, int64_t length) {
      dispatch<most_taps>(length, [&](auto tile) {
        const DepthwiseTap* some = taps.data() + begin;
        // No overlap of the last vector here: it would count twice.
        int64_t channel = 0;
        for (; channel + lanes<T> <= filters_; channel += lanes<T>)
          this->template add_tile<tile, true>(some, from + channel, arrived + channel, count, sums + channel,
                                              0);
        if (channel < filters_)
          this->template add_tile<tile, false>(some, from + channel, arrived + channel, count, sums + channel,
                                               filters_ - channel);
      });
    });
  }

  template <int tile, bool whole>
  [[gnu::noinline]] void add_tile(const DepthwiseTap* taps, const T* from, const T* arrived, int64_t count,
                                  T* sums, int64_t part) const {
    auto load_channels = [part](const T* at) { return whole ? load(at) : load_part(at, part); };
    const int64_t right = g_.strides[1] * filters_;
    Vector<T> total[tile];
    const T* at[tile];
#pragma GCC unroll 16
    for (int t = 0; t < tile; ++t) {
      total[t] = load_channels(sums + taps[t].weight);
      at[t] = from + (taps[t].row * g_.input[1] + taps[t].column) * filters_;
    }
    for (int64_t column = 0; column < count; ++column) {
      Vector<T> gradient = load_channels(arrived + column * filters_);
#pragma GCC unroll 16
      for (int t = 0; t < tile; ++t) total[t] += load_channels(at[t] + column * right) * gradient;
    }
#pragma GCC unroll 16
    for (int t = 0; t < tile; ++t) {
      if constexpr (whole)
        store(sums + taps[t].weight, total[t]);
      else
        store_part(sums + taps[t].weight, total[t], part);
    }
  }

  WindowGeometry g_;
  int64_t filters_;
  bool kernel_, bias_;
  std::vector<DepthwiseTap> taps_;
  int64_t step_, parts_;
  Tensor memory_;
};

}  // namespace manul::cpu
