#pragma once

#include "manul/framework/cpu/ahead.h"
#include "manul/framework/cpu/kept_weights.h"
#include "manul/framework/cpu/transpose.h"
#include "manul/ops/conv/conv2d_cpu.h"

// The weights of a convolution in the order in which its tiles read them. Included by conv2d_row_cpu.h only.
namespace manul::cpu {

/// Vectors of filters in a block of weights: two, so that each input that is broadcast feeds two products.
inline constexpr int block_vectors = 2;

/// The weights of up to block_vectors * lanes filters, tap by tap and channel by channel.
template <class T>
struct WeightBlock {
  int64_t first, filters;  // which filters
  int vectors;
  const T* weights;  // [taps * channels][vectors * lanes], zero in the lanes without a filter
  const T* bias;     // [vectors * lanes]
};

/// Weights as they lie: element weights[tap.weight + channel * channel_step + filter *
/// filter_step] belongs to a tap, a channel and a filter; one of the steps is 1.
template <class T>
struct WeightLayout {
  const T* weights;
  std::span<const Tap> taps;
  int64_t channels, channel_step, filters, filter_step;

  int64_t elements() const { return static_cast<int64_t>(taps.size()) * channels; }  // of a filter
  int64_t padded() const { return (filters + lanes<T> - 1) / lanes<T> * lanes<T>; }  // filters
};

/// How weights are cut into blocks of filters, and how these are packed.
template <class T>
class WeightBlocks {
 public:
  /// `bias` may be null. `layout.taps` must live as long.
  WeightBlocks(const WeightLayout<T>& layout, const T* bias)
      : layout_(layout), bias_(static_cast<size_t>(layout.padded())) {
    if (bias) std::copy_n(bias, layout.filters, bias_.begin());
  }

  int64_t count() const { return (layout_.padded() + most - 1) / most; }
  /// So many are best packed at once.
  int64_t at_once() const { return layout_.channel_step == 1 ? 1 : 256 / vector_bytes / block_vectors; }
  /// Of the blocks before one.
  int64_t elements(int64_t block) const {
    return std::min(block * most, layout_.padded()) * layout_.elements();
  }
  /// One of those that were packed to `packed`, from block `begin` on.
  WeightBlock<T> block(int64_t index, const T* packed, int64_t begin) const {
    const int64_t first = index * most;
    return {first, std::min(most, layout_.filters - first), static_cast<int>(width(index) / lanes<T>),
            packed + elements(index) - elements(begin), bias_.data() + first};
  }

  /// Blocks [begin, end), one after the other. Several at once where rows of filters lie side by side: no
  /// processor foresees the next row.
  void pack(int64_t begin, int64_t end, T* packed) const {
    if (layout_.channel_step == 1)
      for (; begin < end; packed += elements(begin + 1) - elements(begin), ++begin) turn(begin, packed);
    else
      pack_rows(begin, end, packed);
  }

 private:
  static constexpr int64_t most = block_vectors * lanes<T>;

  int64_t width(int64_t block) const { return std::min(most, layout_.padded() - block * most); }

  void pack_rows(int64_t begin, int64_t end, T* packed) const {
    constexpr int64_t rows_ahead = 16, line = Ahead::line / sizeof(T);
    const int64_t step = layout_.channel_step, first = begin * most;
    const int64_t filters = std::min(end * most, layout_.filters) - first;
    int64_t element = 0;
    for (const Tap& tap : layout_.taps) {
      const T* from = layout_.weights + tap.weight + first;
      for (int64_t c = 0; c < layout_.channels; ++c, ++element, from += step) {
        for (int64_t f = 0; f < filters; f += line) __builtin_prefetch(from + rows_ahead * step + f);
        T* to = packed;
        for (int64_t block = begin; block < end; ++block) {
          const int64_t columns = width(block), beside = (block - begin) * most;
          for (int64_t f = 0; f < columns; f += lanes<T>) {
            const int64_t left = filters - beside - f;
            store(to + element * columns + f,
                  left >= lanes<T> ? load(from + beside + f) : load_part(from + beside + f, left));
          }
          to += columns * layout_.elements();
        }
      }
    }
  }

  void turn(int64_t block, T* to) const {
    const int64_t first = block * most, columns = width(block);
    const int64_t filters = std::min(most, layout_.filters - first), channels = layout_.channels;
    for (const Tap& tap : layout_.taps) {
      transpose_block(filters, channels, layout_.weights + tap.weight + first * layout_.filter_step,
                      layout_.filter_step, to, columns);
      if (filters < columns)
        for (int64_t c = 0; c < channels; ++c)
          std::fill(to + c * columns + filters, to + (c + 1) * columns, T(0));
      to += channels * columns;
    }
  }

  WeightLayout<T> layout_;
  std::vector<T> bias_;
};

/// All weights in blocks of filters; those of a prediction are kept for the next one.
template <class T>
class PackedWeights {
 public:
  /// `kernel`: what has them. `bias` may be null.
  PackedWeights(const Tensor& kernel, const WeightLayout<T>& layout, const T* bias) : all_(layout, bias) {
    std::vector<int64_t> how{layout.channels, layout.channel_step, layout.filters, layout.filter_step};
    for (const Tap& tap : layout.taps) how.push_back(tap.weight);
    memory_ = KeptWeights::get<T>(kernel, layout.weights, how, all_.elements(all_.count()), [&](T* packed) {
      parallel_for(all_.count(), all_.at_once(),
                   [&](int64_t begin, int64_t end) { all_.pack(begin, end, packed + all_.elements(begin)); });
    });
    for (int64_t i = 0; i < all_.count(); ++i) blocks_.push_back(all_.block(i, memory_.data<T>(), 0));
  }

  const std::vector<WeightBlock<T>>& blocks() const { return blocks_; }

 private:
  WeightBlocks<T> all_;
  Tensor memory_;
  std::vector<WeightBlock<T>> blocks_;
};

}  // namespace manul::cpu
