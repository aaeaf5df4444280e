#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "framework/cpu/parallel.h"
#include "framework/cpu/split.h"
#include "framework/cpu/vector.h"
#include "framework/tensor.h"
#include "ops/window.h"

// What the convolutions of the CPU share: direct products without an im2col copy. Filters lie in the lanes of
// the vectors, weights are packed in the order in which they are read, and a tile of neighbouring outputs
// stays in registers while the window is walked. Included by vector kernels (ops/*_cpu.cpp) only.
namespace manul::cpu {

/// Accumulators of a tile; the other registers hold weights and inputs.
inline constexpr int tile_vectors = vector_registers == 32 ? 24 : 12;
/// Vectors of filters in a block of weights: two, so that each input that is broadcast feeds two products.
inline constexpr int block_vectors = 2;

/// Calls function(std::integral_constant<int, n>()) for n between 1 and `most`.
template <int most, class Function>
void dispatch(int64_t n, Function&& function) {
  if constexpr (most > 1)
    if (n < most) return dispatch<most - 1>(n, std::forward<Function>(function));
  function(std::integral_constant<int, most>());
}

/// Neighbouring elements of the input that a window reads: without dilation a whole row of the window.
struct Run {
  int64_t offset;  // from the window's first element
  int64_t length;
  int64_t weight;  // where the weights of its first tap begin
};

/// A tap of a window: where it reads, from the input pixel that the window's output starts at, and where its
/// weights begin.
struct Tap {
  int64_t row, column, weight;
};

/// The taps of a convolution's window, for weights [filters][height][width][channels].
inline std::vector<Tap> window_taps(const WindowGeometry& g) {
  std::vector<Tap> taps;
  for (int64_t ky = 0; ky < g.size[0]; ++ky)
    for (int64_t kx = 0; kx < g.size[1]; ++kx)
      taps.push_back({ky * g.dilation[0] - g.pad_before[0], kx * g.dilation[1] - g.pad_before[1],
                      (ky * g.size[1] + kx) * g.channels});
  return taps;
}

/// The runs of `taps`, in their order, in an input with `row_step` elements a row and `channels` a pixel.
inline std::vector<Run> runs_of(std::span<const Tap> taps, int64_t row_step, int64_t channels) {
  std::vector<Run> runs;
  for (size_t i = 0; i < taps.size(); ++i) {
    if (i > 0 && taps[i].row == taps[i - 1].row && taps[i].column == taps[i - 1].column + 1)
      runs.back().length += channels;
    else
      runs.push_back({taps[i].row * row_step + taps[i].column * channels, channels, taps[i].weight});
  }
  return runs;
}

/// The weights of up to block_vectors * lanes filters, tap by tap and channel by channel.
template <class T>
struct WeightBlock {
  int64_t first, filters;  // which filters
  int vectors;
  const T* weights;  // [taps * channels][vectors * lanes], zero in the lanes without a filter
  const T* bias;     // [vectors * lanes]
};

/// All weights in blocks of filters. Element weights[tap.weight + channel * channel_step + filter *
/// filter_step] belongs to a tap, a channel and a filter.
template <class T>
class PackedWeights {
 public:
  PackedWeights(const T* weights, std::span<const Tap> taps, int64_t channels, int64_t channel_step,
                int64_t filters, int64_t filter_step, const T* bias) {
    constexpr int64_t most = block_vectors * lanes<T>;
    int64_t elements = static_cast<int64_t>(taps.size()) * channels;
    int64_t padded = (filters + lanes<T> - 1) / lanes<T> * lanes<T>;
    memory_ = Tensor::empty({(elements + 1) * padded}, dtype_of<T>);
    T* packed = memory_.mutable_data<T>();
    T* packed_bias = packed + elements * padded;
    for (int64_t f = 0; f < padded; ++f) packed_bias[f] = bias && f < filters ? bias[f] : T(0);
    for (int64_t first = 0; first < filters; first += most)
      blocks_.push_back({first, std::min(most, filters - first),
                         static_cast<int>(std::min(most, padded - first) / lanes<T>),
                         packed + first * elements, packed_bias + first});
    parallel_for(static_cast<int64_t>(blocks_.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        T* to = packed + blocks_[b].first * elements;
        for (const Tap& tap : taps) {
          pack(weights + tap.weight + blocks_[b].first * filter_step, channels, channel_step, filter_step,
               blocks_[b], to);
          to += channels * blocks_[b].vectors * lanes<T>;
        }
      }
    });
  }

  const std::vector<WeightBlock<T>>& blocks() const { return blocks_; }

 private:
  /// A transposition, in stretches of channels that stay in the nearest cache.
  static void pack(const T* from, int64_t channels, int64_t channel_step, int64_t filter_step,
                   const WeightBlock<T>& block, T* to) {
    int64_t width = block.vectors * lanes<T>;
    for (int64_t begin = 0; begin < channels; begin += 16) {
      int64_t end = std::min(begin + 16, channels);
      for (int64_t f = 0; f < width; ++f)
        for (int64_t c = begin; c < end; ++c)
          to[c * width + f] = f < block.filters ? from[c * channel_step + f * filter_step] : T(0);
    }
  }

  Tensor memory_;
  std::vector<WeightBlock<T>> blocks_;
};

/// sums[output][vector] += products of the windows of rows x columns outputs with the weights of one block.
template <class T, int vectors, int rows, int columns>
[[gnu::always_inline]] inline void accumulate(const T* x, int64_t row_step, int64_t column_step,
                                              std::span<const Run> runs, const T* weights,
                                              Vector<T> (&sums)[rows * columns][vectors]) {
  for (const Run& run : runs) {
    const T* from = x + run.offset;
    for (int64_t i = 0; i < run.length; ++i, ++from, weights += vectors * lanes<T>) {
      Vector<T> weight[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) weight[v] = load(weights + v * lanes<T>);
#pragma GCC unroll 32
      for (int output = 0; output < rows * columns; ++output) {
        Vector<T> value = broadcast(from[output / columns * row_step + output % columns * column_step]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sums[output][v] += value * weight[v];
      }
    }
  }
}

/// Vectors that cover `runs` for sums over them: where each reads, from the window's first element on. The
/// last lanes of a run's last vector read beyond the run, and nobody looks at what they add up.
template <class T>
std::vector<int64_t> pieces_of(std::span<const Run> runs) {
  std::vector<int64_t> pieces;
  for (const Run& run : runs)
    for (int64_t i = 0; i < run.length; i += lanes<T>) pieces.push_back(run.offset + i);
  return pieces;
}

/// Adds up sums that were made in parts [parts][filters][pieces][lanes], in the order of the parts, into
/// dkernel [filters][elements]; elements that no run covers become zero.
template <class T>
void add_parts(const T* sums, int64_t parts, int64_t part_step, int64_t filters, std::span<const Run> runs,
               int64_t elements, T* dkernel) {
  int64_t padded = static_cast<int64_t>(pieces_of<T>(runs).size()) * lanes<T>;
  parallel_for(filters, 4, [&](int64_t begin, int64_t end) {
    std::vector<T> total(padded);
    for (int64_t f = begin; f < end; ++f) {
      std::fill(total.begin(), total.end(), T(0));
      for (int64_t part = 0; part < parts; ++part) {
        const T* from = sums + part * part_step + f * padded;
        for (int64_t i = 0; i < padded; ++i) total[i] += from[i];
      }
      const T* from = total.data();
      T* to = dkernel + f * elements;
      std::fill_n(to, elements, T(0));
      for (const Run& run : runs) {
        std::copy_n(from, run.length, to + run.weight);
        from += (run.length + lanes<T> - 1) / lanes<T> * lanes<T>;
      }
    }
  });
}

/// The same for sums of one number a filter.
template <class T>
void add_bias_parts(const T* sums, int64_t parts, int64_t part_step, int64_t filters, T* dbias) {
  for (int64_t f = 0; f < filters; ++f) {
    T total = 0;
    for (int64_t part = 0; part < parts; ++part) total += sums[part * part_step + f];
    dbias[f] = total;
  }
}

/// Copies `count` rows of one picture [height, width, channels] from row `top` and column `left` on,
/// `columns` wide, into `to`; what lies outside the picture is zero.
template <class T>
void copy_padded(const T* picture, int64_t height, int64_t width, int64_t channels, int64_t top, int64_t left,
                 int64_t count, int64_t columns, T* to) {
  int64_t begin = std::clamp(-left, int64_t{0}, columns);
  int64_t end = std::clamp(width - left, begin, columns);
  for (int64_t y = top; y < top + count; ++y, to += columns * channels) {
    if (y < 0 || y >= height) {
      std::fill_n(to, columns * channels, T(0));
      continue;
    }
    std::fill_n(to, begin * channels, T(0));
    std::copy_n(picture + (y * width + left + begin) * channels, (end - begin) * channels,
                to + begin * channels);
    std::fill_n(to + end * channels, (columns - end) * channels, T(0));
  }
}

/// Where a correlation reads from and how its outputs lie over it.
template <class T>
struct Source {
  const T* x;  // [batch, height, width, channels]
  int64_t batch, height, width, channels;
  std::array<int64_t, 2> output, strides;
};

/// The input of a correlation in blocks of output rows: in place, or where the window reaches over the border
/// as a copy with zeros around it.
template <class T>
class BlockedInput {
 public:
  /// `block_bytes`: about the size of a block's input. `margin`: elements behind a block's last window that
  /// may be read as well.
  BlockedInput(const Source<T>& source, std::vector<Tap> taps, int64_t block_bytes, int64_t margin)
      : source_(source), margin_(margin) {
    drop_padding(taps);
    std::array<int64_t, 2> low{0, 0}, high{0, 0};
    for (const Tap& tap : taps) {
      low = {std::min(low[0], tap.row), std::min(low[1], tap.column)};
      high = {std::max(high[0], tap.row), std::max(high[1], tap.column)};
    }
    const auto& [output, strides] = std::pair(source.output, source.strides);
    bool inside = low[0] == 0 && low[1] == 0 && (output[0] - 1) * strides[0] + high[0] < source.height &&
                  (output[1] - 1) * strides[1] + high[1] < source.width;
    padded_ = !taps.empty() && !inside;
    first_ = low;
    columns_ = padded_ ? (output[1] - 1) * strides[1] + high[1] - low[1] + 1 : source.width;
    reach_ = high[0] - low[0] + 1;
    for (Tap& tap : taps) {
      tap.row -= low[0];
      tap.column -= low[1];
    }
    runs = runs_of(taps, row_step(), source.channels);
    this->taps = std::move(taps);
    choose_block(block_bytes);
  }

  struct Block {
    const T* x;  // the first window's first element
    int64_t picture, first_row, rows;
  };

  int64_t blocks() const { return source_.batch * blocks_; }
  int64_t row_step() const { return columns_ * source_.channels; }

  /// Block `index`; `copy` is memory for it that the caller may use again for the next one.
  Block read(int64_t index, std::vector<T>& copy) const {
    int64_t n = index / blocks_, row = index % blocks_ * rows_;
    int64_t rows = std::min(rows_, source_.output[0] - row);
    int64_t top = row * source_.strides[0] + first_[0], count = (rows - 1) * source_.strides[0] + reach_;
    int64_t picture = source_.height * source_.width * source_.channels;
    int64_t begin = n * picture + top * row_step(), end = begin + count * row_step();
    if (!padded_ && end + margin_ <= source_.batch * picture) return {source_.x + begin, n, row, rows};
    copy.resize(std::max<int64_t>(copy.size(), count * row_step() + margin_));
    copy_padded(source_.x + n * picture, source_.height, source_.width, source_.channels, top, first_[1],
                count, columns_, copy.data());
    return {copy.data(), n, row, rows};
  }

  std::vector<Tap> taps;  // without those that only ever read padding
  std::vector<Run> runs;

 private:
  void drop_padding(std::vector<Tap>& taps) const {
    auto never = [](int64_t tap, int64_t output, int64_t stride, int64_t length) {
      return tap >= length || tap + (output - 1) * stride < 0;
    };
    std::erase_if(taps, [&](const Tap& tap) {
      return never(tap.row, source_.output[0], source_.strides[0], source_.height) ||
             never(tap.column, source_.output[1], source_.strides[1], source_.width);
    });
  }

  /// Also small enough for many threads to share a small batch.
  void choose_block(int64_t block_bytes) {
    constexpr int64_t least_blocks = 16;
    int64_t height = source_.output[0];
    int64_t row_bytes = source_.strides[0] * row_step() * static_cast<int64_t>(sizeof(T));
    int64_t share = (source_.batch * height + least_blocks - 1) / least_blocks;
    rows_ = std::clamp(std::min(block_bytes / std::max(row_bytes, int64_t{1}), share), int64_t{1},
                       std::max(height, int64_t{1}));
    blocks_ = (height + rows_ - 1) / rows_;
  }

  Source<T> source_;
  int64_t margin_;
  bool padded_;
  std::array<int64_t, 2> first_;  // where output (0, 0) begins to read
  int64_t columns_, reach_;       // columns of a block's input; rows that one output row reads
  int64_t rows_, blocks_;         // output rows of a block, blocks of a picture
};

}  // namespace manul::cpu
