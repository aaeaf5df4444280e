#include <vector>

#include "manul/ops/conv/conv2d_cpu.h"
#include "manul/ops/fused/conv_relu_pool_cpu.h"

namespace manul::cpu {
namespace {

constexpr int64_t most_parts = 32;           // of the sums over the batch
constexpr int64_t stretch_bytes = 10 << 10;  // of windows, which stay in the nearest cache
/// Filters, and vectors of their windows, that stay in registers.
constexpr int group = vector_registers == 32 ? 8 : 2, most_pieces = vector_registers == 32 ? 3 : 4;

/// What the backward pass keeps of a stretch of pooled pixels.
struct Layout {
  Layout(const WindowGeometry& g, int64_t filters, int64_t lanes)
      : filters(filters),
        padded((filters + group - 1) / group * group),
        height(g.size[0]),
        run(g.size[1] * g.channels),
        pieces((height * run + lanes - 1) / lanes),
        step(pieces * lanes) {}

  int64_t filters, padded;  // padded: to whole groups
  int64_t height, run;      // rows of a window, elements of each
  int64_t pieces, step;     // vectors of a window, elements of them
};

/// A stretch of pooled pixels, laid out for the sums.
template <class T>
class Stretch {
 public:
  using Place = typename Codes<T>::Element;

  explicit Stretch(const Layout& layout)
      : layout(layout),
        pixels(std::max<int64_t>(stretch_bytes / (4 * layout.step * sizeof(T)), 1)),
        memory_(pixels * (4 * layout.step + 2 * layout.padded) * sizeof(T), Device::cpu()),
        windows(reinterpret_cast<T*>(memory_.data)),
        gradients(windows + pixels * 4 * layout.step),
        places(reinterpret_cast<Place*>(gradients + pixels * layout.padded)) {
    if (layout.padded > layout.filters) std::fill_n(gradients, 2 * pixels * layout.padded, T(0));
  }

  const Layout& layout;
  int64_t pixels;  // at most

 private:
  static_assert(sizeof(Place) == sizeof(T));
  Storage memory_;

 public:
  T* windows;     // [pixels][winner][pieces][lanes], for the four outputs under a pixel
  T* gradients;   // [pixels][padded], of the winner; zero where relu cut
  Place* places;  // [pixels][padded]: where the winner's window begins
};

/// By way of one register, where memcpy would take two.
template <class T, int bytes>
[[gnu::always_inline]] inline void copy_chunk(const T* from, T* to) {
  T chunk [[gnu::vector_size(bytes)]];
  std::memcpy(&chunk, from, bytes);
  std::memcpy(to, &chunk, bytes);
}

/// Copies the windows of `count` pixels from the one at `x` on. A row of a window is `chunks` chunks of some
/// bytes, and a last one that lies over the one before, or anything if there are none.
template <class T, int chunk_bytes, int chunks>
[[gnu::noinline]] void read_windows(const T* x, const PooledRows& rows, const Layout& layout, int64_t count,
                                    T* to) {
  constexpr int64_t chunk = chunk_bytes / sizeof(T);
  const int64_t outputs[4] = {0, rows.right, rows.down, rows.down + rows.right};
  // Copies, because the compiler takes what is written for a part of what it may have to read again.
  const int64_t height = layout.height, run = layout.run, step = layout.step;
  const int64_t row_step = rows.row_step, pixel_step = 2 * rows.right;
  for (int64_t pixel = 0; pixel < count; ++pixel, x += pixel_step)
    for (int64_t output : outputs) {
      const T* from = x + output;
      T* window = to;
      for (int64_t ky = 0; ky < height; ++ky, from += row_step, window += run)
        if constexpr (chunks == 0) {
          for (int64_t i = 0; i < run; ++i) window[i] = from[i];
        } else {
          for (int i = 0; i < chunks; ++i) copy_chunk<T, chunk_bytes>(from + i * chunk, window + i * chunk);
          copy_chunk<T, chunk_bytes>(from + run - chunk, window + run - chunk);
        }
      to += step;
    }
}

template <class T>
void read_windows(const T* x, const PooledRows& rows, int64_t count, Stretch<T>& stretch, int64_t at) {
  constexpr int wide = 32, narrow = 16, most_chunks = 4;
  int64_t bytes = stretch.layout.run * static_cast<int64_t>(sizeof(T));
  T* to = stretch.windows + at * 4 * stretch.layout.step;
  if (bytes < narrow || bytes / wide > most_chunks)
    read_windows<T, wide, 0>(x, rows, stretch.layout, count, to);
  else if (bytes < wide)
    read_windows<T, narrow, 1>(x, rows, stretch.layout, count, to);
  else
    dispatch<most_chunks>(bytes / wide, [&](auto chunks) {
      read_windows<T, wide, chunks>(x, rows, stretch.layout, count, to);
    });
}

/// The gradients of `count` pixels, which are added to those of the bias, and where the windows of their
/// winners begin.
template <class T>
[[gnu::noinline]] void read_gradients(const T* dpooled, const uint8_t* winner, int64_t count,
                                      Stretch<T>& stretch, int64_t at, T* bias) {
  using Place = typename Codes<T>::Element;
  const int64_t filters = stretch.layout.filters, padded = stretch.layout.padded;
  const auto step = static_cast<Place>(stretch.layout.step);
  T* gradients = stretch.gradients + at * padded;
  Place* places = stretch.places + at * padded;
  int64_t f = 0;
  for (; f + lanes<T> <= filters; f += lanes<T>) {
    Vector<T> total = load(bias + f);
    for (int64_t pixel = 0; pixel < count; ++pixel) {
      typename Codes<T>::Wide code = load_codes<T>(winner + pixel * filters + f);
      Vector<T> gradient = code == cut ? Vector<T>{} : load(dpooled + pixel * filters + f);
      store(gradients + pixel * padded + f, gradient);
      total += gradient;
      code = code % cut * step;
      std::memcpy(places + pixel * padded + f, &code, sizeof code);
    }
    store(bias + f, total);
  }
  for (; f < filters; ++f)
    for (int64_t pixel = 0; pixel < count; ++pixel) {
      uint8_t code = winner[pixel * filters + f];
      T gradient = code == cut ? T(0) : dpooled[pixel * filters + f];
      gradients[pixel * padded + f] = gradient;
      bias[f] += gradient;
      places[pixel * padded + f] = code % cut * step;
    }
}

/// Adds gradient * window over a stretch to the sums of all filters, for some pieces of the window.
template <class T, int pieces>
[[gnu::noinline]] void add_stretch(const Stretch<T>& stretch, int64_t pixels, int64_t piece, T* sums,
                                   Ahead& ahead) {
  const int64_t padded = stretch.layout.padded, step = stretch.layout.step;
  for (int64_t first = 0; first < padded; first += group) {
    Vector<T> total[group][pieces];
    T* to = sums + first * step + piece * lanes<T>;
#pragma GCC unroll 8
    for (int f = 0; f < group; ++f)
      for (int p = 0; p < pieces; ++p) total[f][p] = load(to + f * step + p * lanes<T>);
    const T* windows = stretch.windows + piece * lanes<T>;
    const T* gradients = stretch.gradients + first;
    const auto* places = stretch.places + first;
    Ahead::Lines lines = ahead.take(pixels);
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      lines.ask();
#pragma GCC unroll 8
      for (int f = 0; f < group; ++f) {
        Vector<T> gradient = broadcast(gradients[f]);
        const T* window = windows + places[f];
#pragma GCC unroll 8
        for (int p = 0; p < pieces; ++p) total[f][p] += gradient * load(window + p * lanes<T>);
      }
      windows += 4 * step;
      gradients += padded;
      places += padded;
    }
#pragma GCC unroll 8
    for (int f = 0; f < group; ++f)
      for (int p = 0; p < pieces; ++p) store(to + f * step + p * lanes<T>, total[f][p]);
  }
}

template <class T>
void add_to_kernel(const Stretch<T>& stretch, int64_t pixels, T* sums, Ahead& ahead) {
  for (int64_t piece = 0; piece < stretch.layout.pieces; piece += most_pieces)
    dispatch<most_pieces>(stretch.layout.pieces - piece,
                          [&](auto length) { add_stretch<T, length>(stretch, pixels, piece, sums, ahead); });
}

template <class T>
void backward(const T* x, const uint8_t* winner, const T* dpooled, int64_t filters, const WindowGeometry& g,
              const Tensor& dkernel, const Tensor& dbias) {
  PooledRows rows(g);
  Layout layout(g, filters, lanes<T>);
  int64_t bias_sums = layout.padded * layout.step, part_step = bias_sums + layout.padded;
  int64_t grain = std::max((rows.count + most_parts - 1) / most_parts, int64_t{1});
  int64_t parts = (rows.count + grain - 1) / grain;
  Tensor memory = Tensor::empty({parts * part_step}, dtype_of<T>);
  T* sums = memory.mutable_data<T>();
  parallel_for(rows.count, grain, [&](int64_t begin, int64_t end) {
    T* part = sums + begin / grain * part_step;
    std::fill_n(part, part_step, T(0));
    Stretch<T> stretch(layout);
    Ahead ahead;
    const int64_t height = std::max<int64_t>(stretch.pixels / rows.width, 1);  // rows of a stretch
    for (int64_t i = begin; i < end; i += height) {
      int64_t next = std::min(i + height, end);
      for (int64_t row = next; row < std::min(next + height, end); ++row) {
        const PooledRows::Place place = rows.at(row);
        rows.ask_for_pooled(dpooled, filters, place, ahead);
        rows.ask_for_pooled(winner, filters, place, ahead);
        rows.ask_for_input(x, place, ahead);
      }
      ahead.spread(layout.padded / group * ((rows.width - 1) / stretch.pixels + 1));
      split_evenly(rows.width, stretch.pixels, [&](int64_t pixel, int64_t pixels) {
        for (int64_t row = i; row < next; ++row) {
          const PooledRows::Place place = rows.at(row);
          int64_t from = (place.pixel + pixel) * filters, at = (row - i) * pixels;
          read_gradients(dpooled + from, winner + from, pixels, stretch, at, part + bias_sums);
          read_windows(x + place.input + pixel * 2 * rows.right, rows, pixels, stretch, at);
        }
        add_to_kernel(stretch, (next - i) * pixels, part, ahead);
      });
    }
  });
  int64_t elements = layout.height * layout.run;
  Run window{0, elements, 0};
  if (dkernel.defined())
    add_parts(sums, parts, part_step, filters, std::span(&window, 1), elements, dkernel.mutable_data<T>());
  if (dbias.defined()) add_bias_parts(sums + bias_sums, parts, part_step, filters, dbias.mutable_data<T>());
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
      for (int64_t i = n; i < rows.count; i += g.batch) {
        const PooledRows::Place place = rows.at(i);
        for (int64_t k = 0; k < rows.width * filters; ++k) {
          int64_t at = place.pixel * filters + k, f = k % filters;
          if (winner[at] == cut) continue;
          T* window = dx + place.input + k / filters * 2 * rows.right + windows[winner[at]];
          for (int64_t ky = 0; ky < g.size[0]; ++ky)
            for (int64_t j = 0; j < run; ++j)
              window[ky * rows.row_step + j] += dpooled[at] * kernel[(f * g.size[0] + ky) * run + j];
        }
      }
  });
}

}  // namespace

void conv_relu_pool_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled,
                             const WindowGeometry& conv, const Tensor& dkernel, const Tensor& dbias) {
  visit_float(x.dtype(), "conv_relu_pool", [&]<class T>(T) {
    backward(x.data<T>(), winner.data<uint8_t>(), dpooled.data<T>(), dpooled.shape()[3], conv, dkernel,
             dbias);
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
