#pragma once

#include "manul/framework/cpu/ahead.h"
#include "manul/framework/cpu/kept_weights.h"
#include "manul/framework/cpu/transpose.h"
#include "manul/ops/conv/conv2d_cpu.h"

// A row of a convolution's outputs. Filters lie in the lanes of the vectors, weights are packed in the order
// in which they are read, and a tile of neighbouring outputs stays in registers while the window is walked.
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

/// Outputs at equal steps: where the next `columns` of them read and write.
template <class T>
struct EvenOutputs {
  const T* x;
  T* y;
  int64_t x_step, y_step;

  /// What they read, one element after the other: four by one pointer and the same distances from it. A
  /// pointer for each would want more registers than there are, and compilers keep what is too much in
  /// vectors, at the cost of multiply-adds.
  template <int columns>
  struct Inputs {
    const T* four[(columns + 3) / 4];
    int64_t one, three;

    [[gnu::always_inline]] Inputs(const EvenOutputs& outputs, int64_t offset)
        : one(outputs.x_step), three(3 * outputs.x_step) {
      asm("" : "+r"(three));
#pragma GCC unroll 8
      for (int i = 0; i < (columns + 3) / 4; ++i) four[i] = outputs.x + offset + 4 * i * one;
    }
    [[gnu::always_inline]] T at(int column) const {
      const int beside = column % 4;
      return four[column / 4][beside == 0 ? 0 : beside == 1 ? one : beside == 2 ? 2 * one : three];
    }
    [[gnu::always_inline]] void next() {
#pragma GCC unroll 8
      for (int i = 0; i < (columns + 3) / 4; ++i) {
        ++four[i];
        asm("" : "+r"(four[i]));
      }
    }
  };
  int64_t to(int column) const {
    return column * y_step;
  }
  void advance(int columns) {
    x += columns * x_step;
    y += columns * y_step;
  }
};

/// Outputs anywhere: narrow pictures fill tiles with several of their rows.
template <class T>
struct ListedOutputs {
  const T* x;
  T* y;
  const OutputPlace* places;

  /// The same; of those that no register is left for the distances stay in memory.
  template <int columns>
  struct Inputs {
    static constexpr int in_registers = 6;
    const T* from;
    int64_t places[columns];

    [[gnu::always_inline]] Inputs(const ListedOutputs& outputs, int64_t offset) : from(outputs.x + offset) {
#pragma GCC unroll 32
      for (int i = 0; i < columns; ++i) places[i] = outputs.places[i].x;
    }
    [[gnu::always_inline]] T at(int column) {
      if (column >= in_registers) asm("" : "+m"(places[column]));
      return from[places[column]];
    }
    [[gnu::always_inline]] void next() {
      ++from;
    }
  };
  int64_t to(int column) const {
    return places[column].y;
  }
  void advance(int columns) {
    places += columns;
  }
};

/// What tiles do besides the products of their window.
struct TileOptions {
  Ahead* ahead = nullptr;  // asked at each tile
  bool continues = false;  // y has the sums over other parts of the window, which come before
  /// Weights that are read after this call, asked for on the way: `step` bytes a tile.
  const char* following = nullptr;
  int64_t step = 0;

  /// Where the next tile, which reads `weights`, begins to ask.
  const char* take(const void* weights) {
    if (!following) return static_cast<const char*>(weights);
    return std::exchange(following, following + step);
  }
};

/// `count` tiles, each of `columns` outputs of one block of filters.
template <class T, int vectors, int columns, class Outputs>
[[gnu::noinline]] void correlate_tiles(int64_t count, const Outputs& first, std::span<const Run> runs,
                                       const WeightBlock<T>& block, TileOptions& options) {
  Outputs outputs = first;
  const bool whole = block.filters == vectors * lanes<T>;
  for (; count > 0; --count, outputs.advance(columns)) {
    if (options.ahead) options.ahead->ask();
    const char* following = options.take(block.weights);
    Vector<T> sums[columns][vectors];
    if (options.continues)
#pragma GCC unroll 32
      for (int column = 0; column < columns; ++column)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
          const T* from = outputs.y + outputs.to(column) + v * lanes<T>;
          sums[column][v] =
              whole ? load(from) : load_part(from, std::min<int64_t>(lanes<T>, block.filters - v * lanes<T>));
        }
    else
#pragma GCC unroll 32
      for (int column = 0; column < columns; ++column)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sums[column][v] = load(block.bias + v * lanes<T>);
    for (const Run& run : runs) {
      typename Outputs::template Inputs<columns> inputs(outputs, run.offset);
      const T* weights = block.weights + run.packed * vectors * lanes<T>;
#pragma GCC unroll 3
      for (const T* end = weights + run.length * vectors * lanes<T>; weights != end;
           weights += vectors * lanes<T>, following += Ahead::line, inputs.next()) {
        __builtin_prefetch(following, 0, 2);
        Vector<T> weight[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) weight[v] = load(weights + v * lanes<T>);
#pragma GCC unroll 32
        for (int column = 0; column < columns; ++column) {
          Vector<T> value = broadcast(inputs.at(column));
#pragma GCC unroll 4
          for (int v = 0; v < vectors; ++v) sums[column][v] += value * weight[v];
        }
      }
    }
#pragma GCC unroll 32
    for (int column = 0; column < columns; ++column)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        T* to = outputs.y + outputs.to(column) + v * lanes<T>;
        if (whole)
          store(to, sums[column][v]);
        else
          store_part(to, sums[column][v], std::min<int64_t>(lanes<T>, block.filters - v * lanes<T>));
      }
  }
}

/// Neighbouring outputs of a tile, at most.
inline constexpr int most_columns = tile_vectors / block_vectors;

/// The next `count` outputs of one block of filters: the bias and the sum over the window where each reads.
template <class T, class Outputs>
void correlate_outputs(int64_t count, Outputs outputs, std::span<const Run> runs, const WeightBlock<T>& block,
                       TileOptions& options) {
  split_in_rows(count, most_columns, [&](int64_t /*begin*/, int64_t length, int64_t pieces) {
    dispatch<block_vectors>(block.vectors, [&](auto vectors) {
      dispatch<most_columns>(length, [&](auto columns) {
        correlate_tiles<T, vectors, columns>(pieces, outputs, runs, block, options);
      });
    });
    outputs.advance(static_cast<int>(length * pieces));
  });
}

/// `count` neighbouring outputs of one block of filters: y[i * y_step + filter] is the bias and the sum over
/// the window at x + i * x_step. Meanwhile asks for what `ahead` has, which may be null.
template <class T>
void correlate_row(const T* x, int64_t x_step, int64_t count, std::span<const Run> runs,
                   const WeightBlock<T>& block, T* y, int64_t y_step, Ahead* ahead = nullptr) {
  TileOptions options{ahead};
  correlate_outputs(count, EvenOutputs<T>{x, y, x_step, y_step}, runs, block, options);
}

}  // namespace manul::cpu
