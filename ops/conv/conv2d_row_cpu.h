#pragma once

#include "manul/framework/cpu/ahead.h"
#include "manul/ops/conv/conv2d_weights_cpu.h"

// A row of a convolution's outputs. Filters lie in the lanes of the vectors, weights are packed in the order
// in which they are read, and a tile of neighbouring outputs stays in registers while the window is walked.
namespace manul::cpu {

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
