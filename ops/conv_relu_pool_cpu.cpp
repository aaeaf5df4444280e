#include "ops/conv_relu_pool.h"

#include "ops/conv2d_cpu.h"

namespace manul::cpu {
namespace {

constexpr uint8_t cut = 4;          // the code of a window that relu cut to zero
constexpr int64_t most_parts = 32;  // of the sums over the batch

/// The fused op's loops run over pooled rows, row 0 of all pictures first: a thread then writes, and reads in
/// the backward pass, the features that the same thread multiplies in a dense layer behind.
struct PooledRows {
  explicit PooledRows(const WindowGeometry& g)
      : height(g.output[0] / 2),
        width(g.output[1] / 2),
        count(g.batch * height),
        row_step(g.input[1] * g.channels),
        down(g.strides[0] * row_step),
        right(g.strides[1] * g.channels),
        batch(g.batch),
        picture(g.input[0] * row_step) {}

  int64_t height, width, count;
  int64_t row_step;     // elements from one input row to the next
  int64_t down, right;  // elements between the windows of neighbouring convolution outputs
  int64_t batch, picture;

  /// Where the window of each winner code begins, from the pooled pixel's first element on.
  std::array<int64_t, cut + 1> windows() const { return {0, right, down, down + right, 0}; }
  /// The first element under pooled row `i`.
  int64_t input(int64_t i) const { return i % batch * picture + i / batch * 2 * down; }
  /// The first pooled pixel of row `i`.
  int64_t pixel(int64_t i) const { return (i % batch * height + i / batch) * width; }
};

/// Winner codes in a vector's lanes while they are compared, and as they are kept.
template <class T>
struct Codes;
template <>
struct Codes<float> {
  using wide [[gnu::vector_size(vector_bytes)]] = int32_t;
  using bytes [[gnu::vector_size(vector_bytes / 4)]] = uint8_t;
};
template <>
struct Codes<double> {
  using wide [[gnu::vector_size(vector_bytes)]] = int64_t;
  using bytes [[gnu::vector_size(vector_bytes / 8)]] = uint8_t;
};

/// Keeps the first `count` lanes of `code` as bytes.
template <class T>
[[gnu::always_inline]] inline void store_codes(uint8_t* to, typename Codes<T>::wide code, int64_t count) {
  auto bytes = __builtin_convertvector(code, typename Codes<T>::bytes);
  if (count == lanes<T>)
    std::memcpy(to, &bytes, lanes<T>);
  else
    std::memcpy(to, &bytes, static_cast<size_t>(count));
}

/// The largest of four outputs, the first of equal ones, cut by relu. A NaN in the first place stays.
template <class T>
[[gnu::always_inline]] inline void pool_window(Vector<T> a, Vector<T> b, Vector<T> c, Vector<T> d,
                                               int64_t count, T* pooled, uint8_t* winner) {
  using Wide = typename Codes<T>::wide;
  Wide code{};
  code = b > a ? Wide{} + 1 : code;
  a = b > a ? b : a;
  code = c > a ? Wide{} + 2 : code;
  a = c > a ? c : a;
  code = d > a ? Wide{} + 3 : code;
  a = d > a ? d : a;
  Vector<T> zero{};
  store_codes<T>(winner, a > zero ? code : Wide{} + cut, count);
  a = a < zero ? zero : a;
  if (count == lanes<T>)
    store(pooled, a);
  else
    store_part(pooled, a, count);
}

/// `columns` neighbouring pooled pixels of one block of filters, out of `filters`.
template <class T, int vectors, int columns>
[[gnu::noinline]] void forward_tile(const T* x, int64_t down, int64_t right, std::span<const Run> runs,
                                    const WeightBlock<T>& block, int64_t filters, T* pooled,
                                    uint8_t* winner) {
  constexpr int width = 2 * columns;
  Vector<T> sums[2 * width][vectors];
#pragma GCC unroll 32
  for (int output = 0; output < 2 * width; ++output)
    for (int v = 0; v < vectors; ++v) sums[output][v] = load(block.bias + v * lanes<T>);
  accumulate<T, vectors, 2, width>(x, down, right, runs, block.weights, sums);
#pragma GCC unroll 8
  for (int column = 0; column < columns; ++column)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      int64_t at = column * filters + block.first + v * lanes<T>;
      int upper = 2 * column, lower = width + upper;
      pool_window<T>(sums[upper][v], sums[upper + 1][v], sums[lower][v], sums[lower + 1][v],
                     std::min<int64_t>(lanes<T>, block.filters - v * lanes<T>), pooled + at, winner + at);
    }
}

template <class T>
void forward(const T* x, const T* kernel, const T* bias, int64_t filters, const WindowGeometry& g, T* pooled,
             uint8_t* winner) {
  constexpr int most_columns = tile_vectors / block_vectors / 4;
  std::vector<Tap> taps = window_taps(g);
  PooledRows rows(g);
  std::vector<Run> runs = runs_of(taps, rows.row_step, g.channels);
  PackedWeights<T> packed(kernel, taps, g.channels, 1, filters, g.size[0] * g.size[1] * g.channels, bias);
  parallel_for(rows.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
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
  });
}

/// Filters, and vectors of their windows, that the backward pass keeps in registers at once.
constexpr int group = 4, most_pieces = 3;

/// Adds gradient * window over the pixels of a pooled row to the sums of `group` filters, for some of the
/// pieces of the window.
template <class T, int pieces>
[[gnu::noinline]] void backward_row(const T* x, int64_t pixel_step, int64_t pixels, const T* gradient,
                                    const int64_t* window, int64_t filter_step, const int64_t* offsets,
                                    T* sums, int64_t sums_step) {
  Vector<T> total[group][pieces];
  for (int f = 0; f < group; ++f)
    for (int p = 0; p < pieces; ++p) total[f][p] = load(sums + f * sums_step + p * lanes<T>);
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
#pragma GCC unroll 8
    for (int f = 0; f < group; ++f) {
      Vector<T> scale = broadcast(gradient[f]);
      const T* from = x + window[f];
#pragma GCC unroll 8
      for (int p = 0; p < pieces; ++p) total[f][p] += scale * load(from + offsets[p]);
    }
    x += pixel_step;
    gradient += filter_step;
    window += filter_step;
  }
  for (int f = 0; f < group; ++f)
    for (int p = 0; p < pieces; ++p) store(sums + f * sums_step + p * lanes<T>, total[f][p]);
}

/// What the backward pass of a pooled row needs of each pixel and filter: the gradient that goes to the
/// winner (zero where relu cut), and where the winner's window begins.
template <class T>
struct RowWinners {
  RowWinners(const PooledRows& rows, int64_t filters)
      : windows(rows.windows()),
        width(rows.width),
        filters(filters),
        padded((filters + group - 1) / group * group),
        gradient(width * padded),
        window(width * padded) {}

  void read(const T* dpooled, const uint8_t* winner, T* dbias) {
    for (int64_t pixel = 0; pixel < width; ++pixel, dpooled += filters, winner += filters) {
      T* to = gradient.data() + pixel * padded;
      int64_t* begin = window.data() + pixel * padded;
      for (int64_t f = 0; f < filters; ++f) {
        to[f] = winner[f] == cut ? T(0) : dpooled[f];
        dbias[f] += to[f];
      }
      for (int64_t f = 0; f < filters; ++f) begin[f] = windows[winner[f]];
    }
  }

  std::array<int64_t, cut + 1> windows;
  int64_t width, filters, padded;
  std::vector<T> gradient;
  std::vector<int64_t> window;
};

template <class T>
void backward(const Tensor& x, const uint8_t* winner, const T* dpooled, int64_t filters,
              const WindowGeometry& g, const Tensor& dkernel, const Tensor& dbias) {
  PooledRows rows(g);
  std::vector<Run> runs = runs_of(window_taps(g), rows.row_step, g.channels);
  std::vector<int64_t> pieces = pieces_of<T>(runs);
  int64_t count = static_cast<int64_t>(pieces.size());
  int64_t padded = (filters + group - 1) / group * group;
  int64_t part_step = padded * (count * lanes<T> + 1);  // the sums of the kernel, then those of the bias
  int64_t grain = (rows.count + most_parts - 1) / most_parts, parts = (rows.count + grain - 1) / grain;
  Tensor memory = Tensor::empty({parts * part_step}, dtype_of<T>);
  T* sums = memory.mutable_data<T>();
  int64_t reach = rows.down + (2 * rows.width - 1) * rows.right + pieces.back() + lanes<T>;
  parallel_for(rows.count, grain, [&](int64_t begin, int64_t end) {
    T* part = sums + begin / grain * part_step;
    std::fill_n(part, part_step, T(0));
    RowWinners<T> winners(rows, filters);
    std::vector<T> copy;
    for (int64_t i = begin; i < end; ++i) {
      const T* from = x.data<T>() + rows.input(i);
      if (int64_t left = x.elements() - rows.input(i); left < reach) {  // pieces read beyond their runs
        copy.assign(reach, T(0));
        std::copy_n(from, left, copy.data());
        from = copy.data();
      }
      int64_t first = rows.pixel(i) * filters;
      winners.read(dpooled + first, winner + first, part + padded * count * lanes<T>);
      for (int64_t f = 0; f < padded; f += group)
        split_evenly(count, most_pieces, [&](int64_t piece, int64_t length) {
          dispatch<most_pieces>(length, [&](auto length) {
            backward_row<T, length>(from, 2 * rows.right, rows.width, winners.gradient.data() + f,
                                    winners.window.data() + f, padded, pieces.data() + piece,
                                    part + (f * count + piece) * lanes<T>, count * lanes<T>);
          });
        });
    }
  });
  if (dkernel.defined())
    add_parts(sums, parts, part_step, filters, runs, dkernel.elements() / filters, dkernel.mutable_data<T>());
  if (dbias.defined())
    add_bias_parts(sums + padded * count * lanes<T>, parts, part_step, filters, dbias.mutable_data<T>());
}

template <class T>
void backward_input(const uint8_t* winner, const T* dpooled, const T* kernel, int64_t filters,
                    const WindowGeometry& g, T* dx) {
  PooledRows rows(g);
  int64_t run = g.size[1] * g.channels;
  std::array<int64_t, cut + 1> windows = rows.windows();
  parallel_for(g.batch, 1, [&](int64_t begin, int64_t end) {
    std::fill(dx + begin * rows.picture, dx + end * rows.picture, T(0));
    for (int64_t n = begin; n < end; ++n)
      for (int64_t i = n; i < rows.count; i += g.batch)
        for (int64_t k = 0; k < rows.width * filters; ++k) {
          int64_t at = rows.pixel(i) * filters + k, f = k % filters;
          if (winner[at] == cut) continue;
          T* window = dx + rows.input(i) + k / filters * 2 * rows.right + windows[winner[at]];
          for (int64_t ky = 0; ky < g.size[0]; ++ky)
            for (int64_t j = 0; j < run; ++j)
              window[ky * rows.row_step + j] += dpooled[at] * kernel[(f * g.size[0] + ky) * run + j];
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

void conv_relu_pool_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled,
                             const WindowGeometry& conv, const Tensor& dkernel, const Tensor& dbias) {
  visit_float(x.dtype(), "conv_relu_pool", [&]<class T>(T) {
    backward(x, winner.data<uint8_t>(), dpooled.data<T>(), dpooled.shape()[3], conv, dkernel, dbias);
  });
}

void conv_relu_pool_backward_input(const Tensor& winner, const Tensor& dpooled, const Tensor& kernel,
                                   const WindowGeometry& conv, const Tensor& dx) {
  visit_float(dx.dtype(), "conv_relu_pool", [&]<class T>(T) {
    backward_input(winner.data<uint8_t>(), dpooled.data<T>(), kernel.data<T>(), dpooled.shape()[3], conv,
                   dx.mutable_data<T>());
  });
}

}  // namespace manul::cpu
