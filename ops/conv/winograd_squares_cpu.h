#pragma once

#include <algorithm>
#include <span>

#include "manul/framework/cpu/ahead.h"
#include "manul/framework/cpu/transpose.h"
#include "manul/framework/cpu/vector.h"
#include "manul/framework/tensor.h"
#include "manul/ops/conv/winograd.h"
#include "manul/ops/fused/conv2d_activation.h"

// Winograd's transforms of pictures and kernels to matrices, whole vectors of channels at a time. Included by
// winograd_matrices_cpu.h only.
namespace manul::cpu::squares {

using namespace winograd;
using Value = Vector<float>;
constexpr int64_t width = lanes<float>;

/// A matrix for each of the 16 positions, one after the other, of contiguous rows. A cache line lies between
/// two of them, and between rows that are written side by side: at steps of a power of two all would want the
/// same few lines of the cache.
template <class T>
struct Matrices {
  T* data;
  int64_t rows, step;

  static constexpr int64_t line = 16;
  int64_t position_step() const { return rows * step + line; }
  int64_t elements() const { return positions * position_step(); }
  T* at(int64_t position, int64_t row = 0) const { return data + position * position_step() + row * step; }
  /// The same from a row on, at the steps of all rows.
  Matrices from(int64_t row) const { return {at(0, row), rows, step}; }
  operator Matrices<const T>() const { return {data, rows, step}; }
};

/// Columns of matrices in parts of about the same width, at most `most`, in whole `unit`s where the columns
/// are. None is wider than the first; the first half of them has half the columns.
struct Parts {
  int64_t unit, units, count;

  Parts(int64_t columns, int64_t most, int64_t wanted_unit = width)
      : unit(columns % wanted_unit == 0 ? wanted_unit : width),
        units(columns / unit),
        count((columns + most - 1) / most) {}
  int64_t begin(int64_t part) const { return (units * part + count - 1) / count * unit; }
  int64_t length(int64_t part) const { return begin(part + 1) - begin(part); }
};

/// Matrices of the columns of some parts, one part's after the other: what a product reads lies together.
struct PartedMatrices {
  float* data;
  int64_t rows;
  Parts parts;
  int64_t gap = 0;        // between rows
  int64_t first_row = 0;  // which of the tiles the first row is of

  /// Elements of the first `count` parts.
  int64_t elements(int64_t count) const {
    return positions * ((parts.begin(count) + count * gap) * rows + count * Matrices<float>::line);
  }
  Matrices<float> of(int64_t part) const { return {data + elements(part), rows, parts.length(part) + gap}; }
};

/// Pictures [N, H, W, channels]: all channels of an input, or some of them, which others follow.
struct ChannelPart {
  const float* data;
  int64_t channels;
};

/// Reads a square of `size` pixels, one vector of their channels at a time; zero beside the picture.
template <int size>
struct Square {
  const float* pixels[size][size];  // null beside the picture

  Square(const float* picture, const int (&length)[2], int64_t channels, int y, int x) {
    for (int row = 0; row < size; ++row)
      for (int column = 0; column < size; ++column) {
        int iy = y + row, ix = x + column;
        bool inside = iy >= 0 && iy < length[0] && ix >= 0 && ix < length[1];
        pixels[row][column] = inside ? picture + (int64_t{iy} * length[1] + ix) * channels : nullptr;
      }
  }
  void read(int64_t channel, Value (&to)[size][size]) const {
    for (int row = 0; row < size; ++row)
      for (int column = 0; column < size; ++column)
        to[row][column] = pixels[row][column] ? load(pixels[row][column] + channel) : Value{};
  }
};

/// Transforms one square after the other, of the tiles of some rows of `to` counted from the line `first`: of
/// the input, [4, 4] pixels each that overlap, or of the output's gradient, [2, 2]. The channels of
/// `pictures` go to the columns of `to` from `first_column` on.
template <int size, class Transform>
void transform_squares(const Transform& along, const ChannelPart& pictures, const int (&length)[2],
                       const int (&before)[2], int64_t first_column, const Tiles& tiles, int64_t first,
                       int64_t begin, int64_t end, const PartedMatrices& to) {
  const int64_t channels = pictures.channels;
  for (int64_t row = begin; row < end; ++row) {
    Place place(tiles, static_cast<uint32_t>(first), static_cast<uint32_t>(row));
    const float* picture = pictures.data + place.picture * length[0] * length[1] * channels;
    Square<size> square(picture, length, channels, place.y - before[0], place.x - before[1]);
    for (int64_t part = 0; part < to.parts.count; ++part) {
      const int64_t of_part = to.parts.begin(part);
      const int64_t begin_column = std::max(of_part, first_column);
      const int64_t end_column = std::min(of_part + to.parts.length(part), first_column + channels);
      const Matrices<float> matrices = to.of(part);
      const int64_t step = matrices.position_step();
      for (int64_t c = begin_column; c < end_column; c += width) {
        Value from[size][size], result[side][side];
        square.read(c - first_column, from);
        transform(along, from, result);
        float* place = matrices.at(0, row - to.first_row) + c - of_part;
#pragma GCC unroll 16
        for (int p = 0; p < positions; ++p, place += step) store(place, result[p / side][p % side]);
      }
    }
  }
}

inline void transform_input(std::span<const ChannelPart> x, const Tiles& tiles, int64_t first, int64_t begin,
                            int64_t end, const PartedMatrices& to) {
  int64_t column = 0;
  for (const ChannelPart& part : x) {
    transform_squares<side>(OfInput{}, part, tiles.input, tiles.pad, column, tiles, first, begin, end, to);
    column += part.channels;
  }
}

inline void transform_output_gradient(const ChannelPart& dy, const Tiles& tiles, int64_t first, int64_t begin,
                                      int64_t end, const PartedMatrices& to) {
  constexpr int none[2] = {0, 0};
  transform_squares<outputs>(OfOutputGradient{}, dy, tiles.output, none, 0, tiles, first, begin, end, to);
}

/// What a convolution writes some of its columns to: [N, H, W, columns].
struct OutputPart {
  float* y;  // null: nobody asks
  int64_t columns;
  bool add;
};

/// What a convolution writes: y [N, H, W, columns] in parts = the products' tiles + bias, or + y; and what
/// follows it, of a y in one part.
struct Output {
  std::span<const OutputPart> parts;
  const float* bias;          // may be null
  const FinishRange& finish;  // may be null

  /// Of `count` columns from `column` on, for as many tiles as the products have rows, counted from `begin`
  /// of the line `first`.
  void write(const Matrices<const float>& products, const Tiles& tiles, int64_t first, int64_t begin,
             int64_t column, int64_t count) const {
    visit_parts(column, count, [&](const OutputPart& part, int64_t begin_column, int64_t from, int64_t to) {
      write_part(part, {products.data + from - column, products.rows, products.step}, tiles, first, begin,
                 from - begin_column, to - from, bias ? bias + from : nullptr);
    });
    if (finish) finish_tiles(products.rows, tiles, first, begin, column, count);
  }

  /// Adds to `ahead` where that will be written, and rows as the products will have.
  void ask_for(Ahead& ahead, const Tiles& tiles, int64_t first, int64_t begin, int64_t rows, int64_t column,
               int64_t count) const {
    constexpr int64_t bytes = sizeof(float);
    visit_parts(column, count, [&](const OutputPart& part, int64_t begin_column, int64_t from, int64_t to) {
      for (int64_t row = 0, beside = 0; row < rows; row += beside) {
        const Place place(tiles, static_cast<uint32_t>(first), static_cast<uint32_t>(begin + row));
        beside = std::min<int64_t>(rows - row, tiles.tiles_a_line - place.x / outputs);
        const int64_t pixels = std::min<int64_t>(beside * outputs, tiles.output[1] - place.x);
        for (int64_t line = place.y; line < std::min(place.y + outputs, tiles.output[0]); ++line) {
          const int64_t pixel = (place.picture * tiles.output[0] + line) * tiles.output[1] + place.x;
          ahead.add(part.y + pixel * part.columns + from - begin_column, pixels, (to - from) * bytes,
                    part.columns * bytes);
        }
      }
    });
  }

 private:
  /// Calls visit(part, its first column, from, to) for the wanted parts that have columns [from, to) of those
  /// `count` from `column` on.
  template <class Visit>
  void visit_parts(int64_t column, int64_t count, const Visit& visit) const {
    int64_t begin_column = 0;
    for (const OutputPart& part : parts) {
      const int64_t end_column = begin_column + part.columns;
      const int64_t from = std::max(column, begin_column), to = std::min(column + count, end_column);
      if (part.y && from < to) visit(part, begin_column, from, to);
      begin_column = end_column;
    }
  }

  static void write_part(const OutputPart& part, const Matrices<const float>& products, const Tiles& tiles,
                         int64_t first, int64_t begin, int64_t column, int64_t count, const float* bias) {
    const int64_t step = products.position_step();
    for (int64_t row = 0; row < products.rows; ++row) {
      Place place(tiles, static_cast<uint32_t>(first), static_cast<uint32_t>(begin + row));
      float* picture = part.y + place.picture * tiles.output[0] * tiles.output[1] * part.columns + column;
      int down = std::min(outputs, tiles.output[0] - place.y);
      int right = std::min(outputs, tiles.output[1] - place.x);
      for (int64_t c = 0; c < count; c += width) {
        Value from[side][side], tile[outputs][outputs];
        const float* product = products.at(0, row) + c;
#pragma GCC unroll 16
        for (int p = 0; p < positions; ++p, product += step) from[p / side][p % side] = load(product);
        transform(OfProducts{}, from, tile);
        Value shift = bias ? load(bias + c) : Value{};
        for (int oy = 0; oy < down; ++oy)
          for (int ox = 0; ox < right; ++ox) {
            const int64_t pixel = int64_t{place.y + oy} * tiles.output[1] + place.x + ox;
            float* to = picture + pixel * part.columns + c;
            store(to, tile[oy][ox] + (part.add ? load(to) : shift));
          }
      }
    }
  }

  void finish_tiles(int64_t rows, const Tiles& tiles, int64_t first, int64_t begin, int64_t column,
                    int64_t count) const {
    const int64_t columns = parts[0].columns;
    for (int64_t row = 0, beside = 0; row < rows; row += beside) {
      Place place(tiles, static_cast<uint32_t>(first), static_cast<uint32_t>(begin + row));
      beside = std::min<int64_t>(rows - row, tiles.tiles_a_line - place.x / outputs);
      const int64_t pixels = std::min<int64_t>(beside * outputs, tiles.output[1] - place.x);
      for (int64_t line = place.y; line < std::min(place.y + outputs, tiles.output[0]); ++line) {
        const int64_t pixel = (place.picture * tiles.output[0] + line) * tiles.output[1] + place.x;
        finish({pixel * columns + column, count, pixels, columns});
      }
    }
  }
};

/// A kernel [filters, 3, 3, channels] as matrices [channels, filters]; for the input's gradient, turned, as
/// [filters, channels].
struct Kernel {
  const Tensor& tensor;
  bool turned;
  const float* data = tensor.data<float>();
  int64_t filters = tensor.shape()[0], channels = tensor.shape()[3];

  int64_t inner() const { return turned ? filters : channels; }
  int64_t columns() const { return turned ? channels : filters; }

  /// The part of `to`'s rows and `count` columns that begins at a row and a column.
  void transform_part(int64_t row, int64_t column, int64_t count, const Matrices<float>& to) const {
    int64_t first_filter = turned ? row : column, first_channel = turned ? column : row;
    int64_t filter_count = turned ? to.rows : count, channel_count = turned ? count : to.rows;
    const int64_t step = to.position_step();
    for (int64_t f = 0; f < filter_count; f += width)
      for (int64_t c = 0; c < channel_count; c += width) {
        // What is read next is asked for: so many rows at once no processor foresees.
        const int64_t next =
            c + width < channel_count ? width : width * taps * taps * channels - (channel_count - width);
        Value square[taps * taps][width];  // a vector of channels for each filter, or the other way round
        for (int tap = 0; tap < taps * taps; ++tap) {
          int read = turned ? taps * taps - 1 - tap : tap;
          const float* from = data + ((first_filter + f) * taps * taps + read) * channels + first_channel + c;
          for (int64_t k = 0; k < width; ++k) {
            square[tap][k] = load(from + k * taps * taps * channels);
            __builtin_prefetch(from + k * taps * taps * channels + next, 0, 2);
          }
          if (!turned) transpose_square<float>(square[tap]);
        }
        for (int64_t k = 0; k < width; ++k) {
          Value window[taps][taps], result[side][side];
          for (int tap = 0; tap < taps * taps; ++tap) window[tap / taps][tap % taps] = square[tap][k];
          transform(OfKernel{}, window, result);
          float* place = turned ? to.at(0, f + k) + c : to.at(0, c + k) + f;
#pragma GCC unroll 16
          for (int p = 0; p < positions; ++p, place += step) store(place, result[p / side][p % side]);
        }
      }
  }
};

/// The sums over tiles, matrices [filters, channels], to a part of the kernel's gradient, whose filters have
/// `channels` each.
inline void transform_sums(const Matrices<const float>& sums, int64_t begin, int64_t end, int64_t count,
                           int64_t channels, float* dkernel) {
  const int64_t step = sums.position_step();
  for (int64_t f = begin; f < end; ++f)
    for (int64_t c = 0; c < count; c += width) {
      Value from[side][side], to[taps][taps];
      const float* place = sums.at(0, f) + c;
#pragma GCC unroll 16
      for (int p = 0; p < positions; ++p, place += step) from[p / side][p % side] = load(place);
      transform(OfKernelGradient{}, from, to);
#pragma GCC unroll 9
      for (int tap = 0; tap < taps * taps; ++tap)
        store(dkernel + (f * taps * taps + tap) * channels + c, to[tap / taps][tap % taps]);
    }
}

}  // namespace manul::cpu::squares
