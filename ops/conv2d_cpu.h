#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "framework/cpu/parallel.h"
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

/// Calls function(begin, length) for the fewest pieces of [0, count) that are not longer than `most`, all of
/// about the same length: in a short one at the end the processor would wait for its own sums.
template <class Function>
void split_evenly(int64_t count, int64_t most, Function&& function) {
  int64_t pieces = (count + most - 1) / most;
  for (int64_t i = 0; i < pieces; ++i) {
    int64_t begin = count * i / pieces;
    function(begin, count * (i + 1) / pieces - begin);
  }
}

/// Neighbouring elements of the input that a window reads: without dilation a whole row of the window.
struct Run {
  int64_t offset;  // from the window's first element
  int64_t length;
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
      taps.push_back({ky * g.dilation[0], kx * g.dilation[1], (ky * g.size[1] + kx) * g.channels});
  return taps;
}

/// The runs of `taps`, in their order, in an input with `row_step` elements a row and `channels` a pixel.
inline std::vector<Run> runs_of(std::span<const Tap> taps, int64_t row_step, int64_t channels) {
  std::vector<Run> runs;
  for (size_t i = 0; i < taps.size(); ++i) {
    if (i > 0 && taps[i].row == taps[i - 1].row && taps[i].column == taps[i - 1].column + 1)
      runs.back().length += channels;
    else
      runs.push_back({taps[i].row * row_step + taps[i].column * channels, channels});
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
/// dkernel [filters][elements of the runs].
template <class T>
void add_parts(const T* sums, int64_t parts, int64_t part_step, int64_t filters, std::span<const Run> runs,
               T* dkernel) {
  int64_t elements = 0, padded = 0;
  for (const Run& run : runs) {
    elements += run.length;
    padded += (run.length + lanes<T> - 1) / lanes<T> * lanes<T>;
  }
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
      for (const Run& run : runs) {
        std::copy_n(from, run.length, to);
        from += (run.length + lanes<T> - 1) / lanes<T> * lanes<T>;
        to += run.length;
      }
    }
  });
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

}  // namespace manul::cpu
