#include "ops/conv2d.h"
#include "ops/conv2d_cpu.h"

namespace manul::cpu {
namespace {

constexpr int64_t block_bytes = 24 << 10;  // with as much of dy, near the arithmetic
constexpr int64_t most_parts = 32;         // of the sums over the batch
constexpr int64_t most_sums = 1 << 24;     // elements in all parts together
constexpr int most_pieces = 2, most_filters = tile_vectors / most_pieces;

/// A block of output rows: where its windows begin, and its gradients.
template <class T>
struct Rows {
  const T *x, *dy;
  int64_t rows, columns;
  int64_t x_down, x_right, dy_down, dy_right;
};

/// Adds dy * window over a block to the sums [filters][pieces][lanes] of some filters and pieces of the
/// window.
template <class T, int filters, int pieces>
[[gnu::noinline]] void add_block(const Rows<T>& block, int64_t first_filter, const int64_t* offsets, T* sums,
                                 int64_t sums_step) {
  Vector<T> total[filters][pieces];
#pragma GCC unroll 32
  for (int f = 0; f < filters; ++f)
    for (int p = 0; p < pieces; ++p) total[f][p] = load(sums + f * sums_step + p * lanes<T>);
  for (int64_t row = 0; row < block.rows; ++row) {
    const T* x = block.x + row * block.x_down;
    const T* dy = block.dy + row * block.dy_down + first_filter;
    for (int64_t column = 0; column < block.columns; ++column, x += block.x_right, dy += block.dy_right) {
      Vector<T> value[pieces];
      for (int p = 0; p < pieces; ++p) value[p] = load(x + offsets[p]);
#pragma GCC unroll 32
      for (int f = 0; f < filters; ++f) {
        Vector<T> gradient = broadcast(dy[f]);
#pragma GCC unroll 4
        for (int p = 0; p < pieces; ++p) total[f][p] += gradient * value[p];
      }
    }
  }
#pragma GCC unroll 32
  for (int f = 0; f < filters; ++f)
    for (int p = 0; p < pieces; ++p) store(sums + f * sums_step + p * lanes<T>, total[f][p]);
}

template <class T>
void add_bias(const Rows<T>& block, int64_t filters, T* sums) {
  for (int64_t row = 0; row < block.rows; ++row)
    for (int64_t column = 0; column < block.columns; ++column) {
      const T* dy = block.dy + row * block.dy_down + column * block.dy_right;
      for (int64_t f = 0; f < filters; ++f) sums[f] += dy[f];
    }
}

template <class T>
void backward_kernel(const T* x, const T* dy, int64_t filters, const WindowGeometry& g, const Tensor& dkernel,
                     const Tensor& dbias) {
  BlockedInput<T> input({x, g.batch, g.input[0], g.input[1], g.channels, g.output, g.strides}, window_taps(g),
                        block_bytes, lanes<T>);
  std::vector<int64_t> pieces = dkernel.defined() ? pieces_of<T>(input.runs) : std::vector<int64_t>();
  int64_t count = static_cast<int64_t>(pieces.size()), filter_step = count * lanes<T>;
  int64_t part_step = filters * (filter_step + 1);  // the sums of the kernel, then those of the bias
  int64_t wanted = std::clamp(most_sums / part_step, int64_t{1}, most_parts);
  int64_t grain = std::max((input.blocks() + wanted - 1) / wanted, int64_t{1});
  int64_t parts = (input.blocks() + grain - 1) / grain;
  Tensor memory = Tensor::empty({parts * part_step}, dtype_of<T>);
  T* sums = memory.mutable_data<T>();
  parallel_for(input.blocks(), grain, [&](int64_t begin, int64_t end) {
    T* part = sums + begin / grain * part_step;
    std::fill_n(part, part_step, T(0));
    std::vector<T> copy;
    for (int64_t index = begin; index < end; ++index) {
      auto block = input.read(index, copy);
      int64_t dy_down = g.output[1] * filters;
      Rows<T> rows{block.x,
                   dy + (block.picture * g.output[0] + block.first_row) * dy_down,
                   block.rows,
                   g.output[1],
                   g.strides[0] * input.row_step(),
                   g.strides[1] * g.channels,
                   dy_down,
                   filters};
      split_evenly(count, most_pieces, [&](int64_t piece, int64_t length) {
        split_evenly(filters, most_filters, [&](int64_t filter, int64_t height) {
          dispatch<most_pieces>(length, [&](auto pieces_at_once) {
            dispatch<most_filters>(height, [&](auto filters_at_once) {
              add_block<T, filters_at_once, pieces_at_once>(rows, filter, pieces.data() + piece,
                                                            part + filter * filter_step + piece * lanes<T>,
                                                            filter_step);
            });
          });
        });
      });
      if (dbias.defined()) add_bias(rows, filters, part + filters * filter_step);
    }
  });
  if (dkernel.defined())
    add_parts(sums, parts, part_step, filters, input.runs, dkernel.elements() / filters,
              dkernel.mutable_data<T>());
  if (dbias.defined())
    add_bias_parts(sums + filters * filter_step, parts, part_step, filters, dbias.mutable_data<T>());
}

}  // namespace

void conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                            const Tensor& dkernel, const Tensor& dbias) {
  visit_float(dy.dtype(), "conv2d", [&]<class T>(T) {
    backward_kernel(x.data<T>(), dy.data<T>(), dy.shape()[3], geometry, dkernel, dbias);
  });
}

}  // namespace manul::cpu
