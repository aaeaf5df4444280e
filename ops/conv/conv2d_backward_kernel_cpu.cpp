#include "manul/framework/cpu/column_sums.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/conv2d_input_cpu.h"
#include "manul/ops/conv/conv2d_winograd.h"

namespace manul::cpu {
namespace {

constexpr int64_t block_bytes = 24 << 10;  // with as much of dy, near the arithmetic
constexpr int64_t block_pixels = 128;      // at least, to pay for loading and storing the sums
constexpr int64_t most_sums = 1 << 20;     // elements of the sums in all parts together
constexpr int64_t tasks = 32;
constexpr int64_t most_transformed = 1 << 20;  // elements of all threads together
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
[[gnu::noinline]] void add_tile(const Rows<T>& block, int64_t first_filter, const int64_t* offsets, T* sums,
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

/// The same for all `filters` and the given pieces.
template <class T>
void add_block(const Rows<T>& block, int64_t filters, std::span<const int64_t> pieces, T* sums,
               int64_t sums_step) {
  split_evenly(static_cast<int64_t>(pieces.size()), most_pieces, [&](int64_t piece, int64_t width) {
    split_evenly(filters, most_filters, [&](int64_t filter, int64_t height) {
      dispatch<most_pieces>(width, [&](auto tile_width) {
        dispatch<most_filters>(height, [&](auto tile_height) {
          add_tile<T, tile_height, tile_width>(block, filter, pieces.data() + piece,
                                               sums + filter * sums_step + piece * lanes<T>, sums_step);
        });
      });
    });
  });
}

template <class T>
void add_bias(const Rows<T>& block, int64_t filters, T* sums) {
  for (int64_t row = 0; row < block.rows; ++row)
    for (int64_t column = 0; column < block.columns; ++column) {
      const T* dy = block.dy + row * block.dy_down + column * block.dy_right;
      for (int64_t f = 0; f < filters; ++f) sums[f] += dy[f];
    }
}

/// How the work is divided: the batch into parts with their own sums, as many as their memory allows, and the
/// window's pieces into groups.
struct Division {
  Division(int64_t blocks, int64_t pieces, int64_t part_step) : pieces(pieces) {
    int64_t wanted = std::clamp(most_sums / part_step, int64_t{1}, tasks);
    blocks_per_part = std::max((blocks + wanted - 1) / wanted, int64_t{1});
    parts = (blocks + blocks_per_part - 1) / blocks_per_part;
    int64_t most_groups = std::max((pieces + most_pieces - 1) / most_pieces, int64_t{1});
    groups = std::min((tasks + wanted - 1) / wanted, most_groups);
  }
  int64_t first_piece(int64_t group) const { return pieces * group / groups; }

  int64_t pieces, blocks_per_part, parts, groups;
};

/// Of one group: `x` and `dy` begin at its channels and filters, `dkernel` and `dbias`, which may be null, at
/// its part.
template <class T>
void backward_kernel(const T* x, const T* dy, int64_t all_filters, const WindowGeometry& g, T* dkernel,
                     T* dbias) {
  int64_t filters = all_filters / g.groups, channels = g.group_channels();
  int64_t pixels = block_pixels * g.strides[0] * g.strides[1] * channels;
  BlockedInput<T> input({x, g.batch, g.input[0], g.input[1], channels, g.output, g.strides, g.channels},
                        window_taps(g), std::max<int64_t>(block_bytes, pixels * sizeof(T)), lanes<T>);
  std::vector<int64_t> pieces = dkernel ? pieces_of<T>(input.runs) : std::vector<int64_t>();
  int64_t count = static_cast<int64_t>(pieces.size()), filter_step = count * lanes<T>;
  int64_t part_step = filters * (filter_step + 1);  // the sums of the kernel, then those of the bias
  Division division(input.blocks(), count, part_step);
  Tensor memory = Tensor::empty({division.parts * part_step}, dtype_of<T>);
  T* sums = memory.mutable_data<T>();
  parallel_for(division.parts * division.groups, 1, [&](int64_t begin, int64_t end) {
    std::vector<T> copy;
    for (int64_t task = begin; task < end; ++task) {
      int64_t part = task / division.groups, group = task % division.groups;
      int64_t first = division.first_piece(group), last = division.first_piece(group + 1);
      T* to = sums + part * part_step;
      T* bias_to = dbias && group == 0 ? to + filters * filter_step : nullptr;
      for (int64_t f = 0; f < filters; ++f)
        std::fill(to + f * filter_step + first * lanes<T>, to + f * filter_step + last * lanes<T>, T(0));
      if (bias_to) std::fill_n(bias_to, filters, T(0));
      int64_t end_block = std::min((part + 1) * division.blocks_per_part, input.blocks());
      for (int64_t index = part * division.blocks_per_part; index < end_block; ++index) {
        auto block = input.read(index, copy);
        int64_t dy_down = g.output[1] * all_filters, dy_row = block.picture * g.output[0] + block.first_row;
        Rows<T> rows{block.x,
                     dy + dy_row * dy_down,
                     block.rows,
                     g.output[1],
                     g.strides[0] * input.row_step(),
                     g.strides[1] * channels,
                     dy_down,
                     all_filters};
        add_block(rows, filters, std::span(pieces).subspan(first, last - first), to + first * lanes<T>,
                  filter_step);
        if (bias_to) add_bias(rows, filters, bias_to);
      }
    }
  });
  if (dkernel)
    add_parts(sums, division.parts, part_step, filters, input.runs, g.size[0] * g.size[1] * channels,
              dkernel);
  if (dbias) add_bias_parts(sums + filters * filter_step, division.parts, part_step, filters, dbias);
}

void bias_gradient(const Tensor& dy, const Tensor& dbias) {
  const float* from = dy.data<float>();
  auto sums = column_sums(dy.shape().rows(), dy.shape()[3],
                          [from](int64_t i, int64_t /*filter*/) { return static_cast<double>(from[i]); });
  std::transform(sums.begin(), sums.end(), dbias.mutable_data<float>(),
                 [](double sum) { return static_cast<float>(sum); });
}

}  // namespace

void conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                            const Tensor& dkernel, const Tensor& dbias) {
  if (dkernel.defined() && is_for_winograd(geometry, dy.shape()[3], dy.dtype())) {
    kernel_gradient_by_winograd(x, dy, geometry, most_transformed, dkernel);
    if (dbias.defined()) bias_gradient(dy, dbias);
    return;
  }
  visit_float(dy.dtype(), "conv2d", [&]<class T>(T) {
    int64_t filters = dy.shape()[3] / geometry.groups, channels = geometry.group_channels();
    int64_t weights = geometry.size[0] * geometry.size[1] * channels;
    for (int64_t group = 0; group < geometry.groups; ++group)
      backward_kernel<T>(x.data<T>() + group * channels, dy.data<T>() + group * filters, dy.shape()[3],
                         geometry,
                         dkernel.defined() ? dkernel.mutable_data<T>() + group * filters * weights : nullptr,
                         dbias.defined() ? dbias.mutable_data<T>() + group * filters : nullptr);
  });
}

}  // namespace manul::cpu
