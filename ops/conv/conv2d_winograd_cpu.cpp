#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/product.h"
#include "manul/framework/cpu/transpose.h"
#include "manul/framework/cpu/vector.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/conv/winograd.h"

namespace manul::cpu {
namespace {

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
  operator Matrices<const T>() const { return {data, rows, step}; }
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
/// the input, [4, 4] pixels each that overlap, or of the output's gradient, [2, 2].
template <int size, class Transform>
void transform_squares(const Transform& along, const float* pictures, const int (&length)[2],
                       const int (&before)[2], int64_t channels, const Tiles& tiles, int64_t first,
                       int64_t begin, int64_t end, const Matrices<float>& to) {
  for (int64_t row = begin; row < end; ++row) {
    Place place(tiles, static_cast<uint32_t>(first), static_cast<uint32_t>(row));
    const float* picture = pictures + place.picture * length[0] * length[1] * channels;
    Square<size> square(picture, length, channels, place.y - before[0], place.x - before[1]);
    for (int64_t c = 0; c < channels; c += width) {
      Value from[size][size], result[side][side];
      square.read(c, from);
      transform(along, from, result);
      for (int p = 0; p < positions; ++p) store(to.at(p, row) + c, result[p / side][p % side]);
    }
  }
}

void transform_input(const float* x, int64_t channels, const Tiles& tiles, int64_t first, int64_t begin,
                     int64_t end, const Matrices<float>& to) {
  transform_squares<side>(OfInput{}, x, tiles.input, tiles.pad, channels, tiles, first, begin, end, to);
}

void transform_output_gradient(const float* dy, int64_t filters, const Tiles& tiles, int64_t first,
                               int64_t begin, int64_t end, const Matrices<float>& to) {
  constexpr int none[2] = {0, 0};
  transform_squares<outputs>(OfOutputGradient{}, dy, tiles.output, none, filters, tiles, first, begin, end,
                             to);
}

/// What a convolution writes: y [N, H, W, columns] = the products' tiles + bias, or + y.
struct Output {
  float* y;
  int64_t columns;
  const float* bias;  // may be null
  bool add;

  void write(const Matrices<const float>& products, const Tiles& tiles, int64_t first, int64_t begin,
             int64_t end) const {
    for (int64_t row = begin; row < end; ++row) {
      Place place(tiles, static_cast<uint32_t>(first), static_cast<uint32_t>(row));
      float* picture = y + place.picture * tiles.output[0] * tiles.output[1] * columns;
      int down = std::min(outputs, tiles.output[0] - place.y);
      int right = std::min(outputs, tiles.output[1] - place.x);
      for (int64_t c = 0; c < columns; c += width) {
        Value from[side][side], tile[outputs][outputs];
        for (int p = 0; p < positions; ++p) from[p / side][p % side] = load(products.at(p, row) + c);
        transform(OfProducts{}, from, tile);
        Value shift = bias ? load(bias + c) : Value{};
        for (int oy = 0; oy < down; ++oy)
          for (int ox = 0; ox < right; ++ox) {
            float* to = picture + (int64_t{place.y + oy} * tiles.output[1] + place.x + ox) * columns + c;
            store(to, tile[oy][ox] + (add ? load(to) : shift));
          }
      }
    }
  }
};

/// A kernel [filters, 3, 3, channels] as matrices [channels, filters]; for the input's gradient, turned, as
/// [filters, channels].
class TransformedKernel {
 public:
  TransformedKernel(const Tensor& kernel, bool turned) {
    int64_t filters = kernel.shape()[0], channels = kernel.shape()[3];
    Matrices<float> to = turned ? Matrices<float>{nullptr, filters, channels + Matrices<float>::line}
                                : Matrices<float>{nullptr, channels, filters + Matrices<float>::line};
    memory_ = Tensor::empty({to.elements()}, DType::f32);
    to.data = memory_.mutable_data<float>();
    const float* from = kernel.data<float>();
    parallel_for(filters / width, 1, [&](int64_t begin, int64_t end) {
      for (int64_t f = begin * width; f < end * width; f += width)
        for (int64_t c = 0; c < channels; c += width) {
          Value square[taps * taps][width];  // a vector of channels for each filter, or the other way round
          for (int tap = 0; tap < taps * taps; ++tap) {
            int read = turned ? taps * taps - 1 - tap : tap;
            for (int64_t k = 0; k < width; ++k)
              square[tap][k] = load(from + ((f + k) * taps * taps + read) * channels + c);
            if (!turned) transpose_square<float>(square[tap]);
          }
          for (int64_t k = 0; k < width; ++k) {
            Value window[taps][taps], result[side][side];
            for (int tap = 0; tap < taps * taps; ++tap) window[tap / taps][tap % taps] = square[tap][k];
            transform(OfKernel{}, window, result);
            for (int p = 0; p < positions; ++p)
              store(turned ? to.at(p, f + k) + c : to.at(p, c + k) + f, result[p / side][p % side]);
          }
        }
    });
    matrices = to;
  }

  Matrices<const float> matrices;

 private:
  Tensor memory_;
};

/// Lines of tiles that are done at once, for matrices of `columns` channels in all; so many that a product
/// has rows enough for what it reads of its other side.
int64_t lines_at_once(const Tiles& tiles, int64_t columns, int64_t lines, int64_t most_elements) {
  constexpr int64_t least_rows = 96;
  int64_t rows = std::max(most_elements / (positions * columns), least_rows);
  return std::clamp<int64_t>(rows / tiles.tiles_a_line, 1, lines);
}

/// What the tiles see and the products, and memory for them.
struct Scratch {
  Tensor memory;
  Matrices<float> seen, products;
  Scratch(int64_t rows, int64_t inner, int64_t columns)
      : seen{nullptr, rows, inner}, products{nullptr, rows, columns} {
    memory = Tensor::empty({seen.elements() + products.elements()}, DType::f32);
    seen.data = memory.mutable_data<float>();
    products.data = seen.data + seen.elements();
  }
};

/// Columns [begin, end) of the products of one position.
void multiply(const Matrices<const float>& seen, const Matrices<const float>& kernel,
              const Matrices<float>& products, int64_t position, int64_t begin, int64_t end) {
  product_on_thread<float>({seen.rows, end - begin, kernel.rows}, {seen.at(position), seen.step, 1},
                           {kernel.at(position) + begin, kernel.step},
                           {products.at(position) + begin, products.step}, false);
}

/// A thread does some lines of tiles alone, in its cache, for a kernel that every thread can go through.
void convolve_lines(const float* x, const Matrices<const float>& kernel, const Tiles& tiles, int64_t lines,
                    int64_t grain, const Output& output) {
  parallel_for(lines, grain, [&](int64_t first, int64_t end) {
    int64_t rows = (end - first) * tiles.tiles_a_line;
    Scratch scratch(rows, kernel.rows, output.columns);
    transform_input(x, kernel.rows, tiles, first, 0, rows, scratch.seen);
    for (int64_t p = 0; p < positions; ++p)
      multiply(scratch.seen, kernel, scratch.products, p, 0, output.columns);
    output.write(scratch.products, tiles, first, 0, rows);
  });
}

/// All threads do one step after the other, so that a large kernel is read once for many lines.
void convolve_in_steps(const float* x, const Matrices<const float>& kernel, const Tiles& tiles, int64_t lines,
                       int64_t at_once, const Output& output) {
  constexpr int64_t task_columns = 64;
  int64_t column_tasks = (output.columns + task_columns - 1) / task_columns;
  for (int64_t first = 0; first < lines; first += at_once) {
    int64_t rows = std::min(at_once, lines - first) * tiles.tiles_a_line;
    Scratch scratch(rows, kernel.rows, output.columns);
    parallel_rows(rows, positions * kernel.rows, [&](int64_t begin, int64_t end) {
      transform_input(x, kernel.rows, tiles, first, begin, end, scratch.seen);
    });
    parallel_for(positions * column_tasks, 1, [&](int64_t task, int64_t /*end*/) {
      int64_t column = task % column_tasks * task_columns;
      multiply(scratch.seen, kernel, scratch.products, task / column_tasks, column,
               std::min(column + task_columns, output.columns));
    });
    parallel_rows(rows, positions * output.columns, [&](int64_t begin, int64_t end) {
      output.write(scratch.products, tiles, first, begin, end);
    });
  }
}

/// `most_elements`: of the matrices of a thread.
void convolve(const Tensor& from, const Matrices<const float>& kernel, const Tiles& tiles,
              int64_t most_elements, const Output& output) {
  constexpr int64_t least_tasks = 16,
                    most_kernel = int64_t{1} << 21;  // what the third-level cache has for all
  int64_t columns = kernel.rows + output.columns, lines = tiles.lines(from.shape()[0]);
  if (kernel.elements() > most_kernel)
    return convolve_in_steps(from.data<float>(), kernel, tiles, lines,
                             lines_at_once(tiles, columns, lines, least_tasks * most_elements), output);
  int64_t grain = lines_at_once(tiles, columns, lines, most_elements);
  convolve_lines(from.data<float>(), kernel, tiles, lines,
                 std::min(grain, (lines + least_tasks - 1) / least_tasks), output);
}

/// The sums over tiles, matrices [filters, channels], to [filters, 3, 3, channels].
void transform_sums(const Matrices<const float>& sums, int64_t filters, int64_t channels, float* dkernel) {
  parallel_rows(filters, positions * channels, [&](int64_t begin, int64_t end) {
    for (int64_t f = begin; f < end; ++f)
      for (int64_t c = 0; c < channels; c += width) {
        Value from[side][side], to[taps][taps];
        for (int p = 0; p < positions; ++p) from[p / side][p % side] = load(sums.at(p, f) + c);
        transform(OfKernelGradient{}, from, to);
        for (int tap = 0; tap < taps * taps; ++tap)
          store(dkernel + (f * taps * taps + tap) * channels + c, to[tap / taps][tap % taps]);
      }
  });
}

}  // namespace

bool is_for_winograd(const WindowGeometry& g, int64_t filters, DType dtype) {
  constexpr int64_t least_channels = 32, least_tiles = 16;  // below these it is slower
  int64_t tiles = tiles_of(g);
  return dtype == DType::f32 && g.channels % width == 0 && filters % width == 0 &&
         std::min(g.channels, filters) >= least_channels && tiles >= least_tiles && tiles < int64_t{1} << 31;
}

bool forward_by_winograd(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                         int64_t most_elements, const Tensor& y) {
  const float* shift = bias.defined() ? bias.data<float>() : nullptr;
  TransformedKernel transformed(kernel, false);
  convolve(x, transformed.matrices, forward_tiles(g), most_elements,
           {y.mutable_data<float>(), y.shape()[3], shift, false});
  return true;
}

bool input_gradient_by_winograd(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                                int64_t most_elements, const Tensor& dx) {
  TransformedKernel transformed(kernel, true);
  convolve(dy, transformed.matrices, input_gradient_tiles(g), most_elements,
           {dx.mutable_data<float>(), dx.shape()[3], nullptr, add});
  return true;
}

bool kernel_gradient_by_winograd(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                 int64_t most_elements, const Tensor& dkernel) {
  constexpr int64_t task_filters = 64;
  Tiles tiles = forward_tiles(g);
  int64_t channels = g.channels, filters = dy.shape()[3], lines = tiles.lines(g.batch);
  int64_t at_once = lines_at_once(tiles, channels + filters, lines, most_elements);
  int64_t filter_tasks = (filters + task_filters - 1) / task_filters;
  Matrices<float> sums{nullptr, filters, channels};
  Tensor memory = Tensor::empty({sums.elements()}, DType::f32);
  sums.data = memory.mutable_data<float>();
  for (int64_t first = 0; first < lines; first += at_once) {
    int64_t rows = std::min(at_once, lines - first) * tiles.tiles_a_line;
    Scratch scratch(rows, channels, filters);
    const Matrices<float>&seen = scratch.seen, &gradients = scratch.products;
    parallel_rows(rows, positions * (channels + filters), [&](int64_t begin, int64_t end) {
      transform_input(x.data<float>(), channels, tiles, first, begin, end, seen);
      transform_output_gradient(dy.data<float>(), filters, tiles, first, begin, end, gradients);
    });
    parallel_for(positions * filter_tasks, 1, [&](int64_t task, int64_t /*end*/) {
      int64_t p = task / filter_tasks, f = task % filter_tasks * task_filters;
      product_on_thread<float>({std::min(task_filters, filters - f), channels, rows},
                               {gradients.at(p) + f, 1, gradients.step}, {seen.at(p), seen.step},
                               {sums.at(p, f), sums.step}, first > 0);
    });
  }
  transform_sums(sums, filters, channels, dkernel.mutable_data<float>());
  return true;
}

}  // namespace manul::cpu
