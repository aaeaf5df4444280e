#include <utility>

#include "manul/framework/cpu/ahead.h"
#include "manul/framework/cpu/column_sums.h"
#include "manul/framework/cpu/product.h"
#include "manul/framework/memory.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/conv2d_gradient_of_taps_cpu.h"
#include "manul/ops/conv/conv2d_input_cpu.h"
#include "manul/ops/conv/conv2d_kernel_sums_cpu.h"
#include "manul/ops/conv/conv2d_winograd.h"

namespace manul::cpu {
namespace {

constexpr int64_t block_bytes = 24 << 10, most_pixels = 256;  // of a block
constexpr int64_t most_transformed = 1 << 20;                 // elements of all threads together
constexpr int most_pieces = KernelDivision::most_pieces;

/// A block of outputs: where its windows begin, and its gradients.
template <class T>
struct Outputs {
  const T *x, *dy;
  int64_t pictures, rows, columns;
  int64_t x_picture, x_down, x_right;
  int64_t dy_right;  // one follows the other

  int64_t outputs() const { return pictures * rows * columns; }
  bool is_one_row() const { return pictures == 1 && rows == 1; }
  /// Where the windows of a row begin, counted through all pictures.
  const T* row(int64_t index) const { return x + index / rows * x_picture + index % rows * x_down; }
  /// What lies at equal steps as one row.
  void join_rows() {
    if (x_down == columns * x_right) {
      x_down *= rows;
      columns *= std::exchange(rows, 1);
    }
    if (rows == 1 && x_picture == columns * x_right) columns *= std::exchange(pictures, 1);
  }
};

/// What the pieces of the window see, output by output: [outputs][pieces][lanes].
template <class T>
void gather(const Outputs<T>& block, std::span<const int64_t> offsets, T* to) {
  for (int64_t n = 0; n < block.pictures; ++n)
    for (int64_t row = 0; row < block.rows; ++row) {
      const T* x = block.x + n * block.x_picture + row * block.x_down;
      for (int64_t column = 0; column < block.columns; ++column, x += block.x_right)
        for (int64_t offset : offsets) {
          store(to, load(x + offset));
          to += lanes<T>;
        }
    }
}

/// Whether what lies so far apart wants the same few lines of the nearest cache.
template <class T>
bool crowds(int64_t step) {
  constexpr int64_t line = 64 / sizeof(T);
  return step % (8 * line) == 0;
}

/// The gradients of some of the filters, side by side where they would crowd. `copy` is memory for that.
template <class T>
void gather_gradients(Outputs<T>& block, int64_t filters, Scratch<T>& copy) {
  constexpr int64_t line = 64 / sizeof(T);
  if (!crowds<T>(block.dy_right)) return;
  const int64_t step = filters + (crowds<T>(filters) ? line : 0);
  T* own = copy.of(block.outputs() * step);
  for (int64_t i = 0; i < block.outputs(); ++i)
    std::copy_n(block.dy + i * block.dy_right, filters, own + i * step);
  block.dy = own;
  block.dy_right = step;
}

/// What is read after a block: gradients and the input, but for what several taps see, most of which is near
/// already.
template <class T>
struct Following {
  Outputs<T> block{};
  int64_t filters = 0;
  std::span<const int64_t> pieces = {};

  /// Asks for the share of one of several products.
  void add_to(Ahead& ahead, int64_t product, int64_t products) const {
    constexpr int64_t bytes = sizeof(T);
    auto share = [&](int64_t count, auto&& function) {
      const int64_t begin = count * product / products;
      function(begin, count * (product + 1) / products - begin);
    };
    share(block.outputs(), [&](int64_t begin, int64_t count) {
      ahead.add(block.dy + begin * block.dy_right, count, filters * bytes, block.dy_right * bytes);
    });
    if (pieces.empty()) return;
    auto add_columns = [&](const T* row, int64_t count) {
      ahead.add(row + pieces[0], count, static_cast<int64_t>(pieces.size()) * vector_bytes,
                block.x_right * bytes);
    };
    if (block.is_one_row())
      return share(block.columns, [&](int64_t begin, int64_t count) {
        add_columns(block.x + begin * block.x_right, count);
      });
    share(block.pictures * block.rows, [&](int64_t begin, int64_t count) {
      for (int64_t row = begin; row < begin + count; ++row) add_columns(block.row(row), block.columns);
    });
  }
};

/// Adds dy * window over a block to the sums [filters][pieces][lanes] of the given pieces, or begins them: a
/// product, for which pieces are gathered that do not lie as it wants them. `seen` is memory for that.
template <class T>
void add_block(const Outputs<T>& block, int64_t filters, std::span<const int64_t> pieces, bool begins,
               const Following<T>& following, Scratch<T>& seen, T* sums, int64_t sums_step) {
  const bool even = block.is_one_row() && !crowds<T>(block.x_right);
  const auto count = static_cast<int64_t>(pieces.size());
  Ahead ahead;
  const int64_t products = (count + most_pieces - 1) / most_pieces;
  int64_t product = 0;
  split_evenly(count, most_pieces, [&](int64_t piece, int64_t width) {
    const std::span<const int64_t> some = pieces.subspan(piece, width);
    Rows<const T> windows{block.x + some[0], block.x_right};
    if (!even || some[width - 1] - some[0] != (width - 1) * lanes<T>) {
      T* own = seen.of(block.outputs() * width * lanes<T>);
      gather(block, some, own);
      windows = {own, width * lanes<T>};
    }
    following.add_to(ahead, product++, products);
    product_on_thread<T>({filters, width * lanes<T>, block.outputs()}, {block.dy, 1, block.dy_right}, windows,
                         {sums + piece * lanes<T>, sums_step}, !begins, {.y_is_far = true}, &ahead);
  });
}

template <class T>
void add_bias(const Outputs<T>& block, int64_t filters, T* sums) {
  for (int64_t i = 0; i < block.outputs(); ++i) {
    const T* dy = block.dy + i * block.dy_right;
    for (int64_t f = 0; f < filters; ++f) sums[f] += dy[f];
  }
}

/// Of one group: `x` and `dy` begin at its channels and filters, `dkernel` at its part, and `dbias`,
/// which may be null.
template <class T>
void backward_kernel(const T* x, const T* dy, int64_t all_filters, const WindowGeometry& g, T* dkernel,
                     T* dbias) {
  int64_t filters = all_filters / g.groups, channels = g.group_channels();
  int64_t elements = g.size[0] * g.size[1] * channels, all_outputs = g.batch * g.output[0] * g.output[1];
  int64_t pixel_bytes = g.strides[0] * g.strides[1] * channels * static_cast<int64_t>(sizeof(T));
  BlockedInput<T> input(
      {x, g.batch, g.input[0], g.input[1], channels, g.output, g.strides, g.channels}, window_taps(g),
      std::clamp(block_bytes, KernelDivision::least_pixels * pixel_bytes, most_pixels * pixel_bytes),
      channels % lanes<T> == 0 ? 0 : lanes<T>, KernelDivision::least_blocks(all_outputs), false);
  const std::vector<int64_t> pieces = pieces_of<T>(input.runs);
  KernelDivision division(input.blocks(), all_outputs, filters, static_cast<int64_t>(pieces.size()),
                          lanes<T>);
  KernelSums<T> sums(division, input, filters, elements, dkernel);
  const bool has_one_tap = input.taps.size() == 1;
  using Task = KernelDivision::Task;
  auto outputs_of = [&](const typename BlockedInput<T>::Block& block, const Task& task) {
    const int64_t first_output = (block.picture * g.output[0] + block.first_row) * g.output[1];
    Outputs<T> outputs{block.x,
                       dy + first_output * all_filters + task.filter,
                       block.pictures,
                       block.rows,
                       g.output[1],
                       input.picture_step(),
                       g.strides[0] * input.row_step(),
                       g.strides[1] * channels,
                       all_filters};
    outputs.join_rows();
    return outputs;
  };
  auto pieces_of_task = [&](const Task& task) {
    return std::span<const int64_t>(pieces).subspan(task.piece, task.pieces);
  };
  auto following = [&](int64_t index, int64_t block) {
    Task task = division.task(index);
    if (++block == task.end_block && index + 1 < division.tasks()) {
      task = division.task(index + 1);
      block = task.begin_block;
    }
    if (block == task.end_block) return Following<T>();
    const auto place = input.in_place(block);
    return Following<T>{outputs_of(place, task), task.filters,
                        place.x && has_one_tap ? pieces_of_task(task) : std::span<const int64_t>()};
  };
  parallel_for(division.tasks(), 1, [&](int64_t index, int64_t /*end*/) {
    Scratch<T> copy, gathered, seen;
    const Task task = division.task(index);
    T* bias_to = dbias && task.piece == 0 ? sums.bias_of(task.part) + task.filter : nullptr;
    if (bias_to) std::fill_n(bias_to, task.filters, T(0));
    for (int64_t block = task.begin_block; block < task.end_block; ++block) {
      Outputs<T> outputs = outputs_of(input.read(block, copy), task);
      gather_gradients(outputs, task.filters, gathered);
      if (task.pieces > 0)
        add_block(outputs, task.filters, pieces_of_task(task), block == task.begin_block,
                  following(index, block), seen,
                  sums.of(task.part) + task.filter * sums.filter_step + task.piece * lanes<T>,
                  sums.filter_step);
      if (bias_to) add_bias(outputs, task.filters, bias_to);
    }
  });
  sums.add_up(dbias);
}

void bias_gradient(const Tensor& dy, const Tensor& dbias) {
  visit_float(dy.dtype(), "conv2d", [&]<class T>(T) {
    const T* from = dy.data<T>();
    auto sums = column_sums(dy.shape().rows(), dy.shape()[3],
                            [from](int64_t i, int64_t /*filter*/) { return static_cast<double>(from[i]); });
    std::transform(sums.begin(), sums.end(), dbias.mutable_data<T>(),
                   [](double sum) { return static_cast<T>(sum); });
  });
}

}  // namespace

void conv2d_concatenated_backward_kernel(std::span<const Tensor> x, const Tensor& dy,
                                         const WindowGeometry& geometry, const Tensor& dkernel,
                                         const Tensor& dbias) {
  if (dkernel.defined()) kernel_gradient_by_winograd(x, dy, geometry, most_transformed, dkernel);
  if (dbias.defined()) bias_gradient(dy, dbias);
}

void conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                            const Tensor& dkernel, const Tensor& dbias) {
  if (!dkernel.defined()) return bias_gradient(dy, dbias);  // also of a transposed convolution's outputs
  if (kernel_gradient_is_for_winograd(geometry, dy.shape()[3], dy.dtype()))
    return conv2d_concatenated_backward_kernel({&x, 1}, dy, geometry, dkernel, dbias);
  if (KernelGradientOfTaps<float>::serves(geometry, dy.shape()[3], dy.dtype())) {
    KernelGradientOfTaps<float>(x.data<float>(), dy.data<float>(), dy.shape()[3], geometry,
                                dkernel.mutable_data<float>())
        .run();
    if (dbias.defined()) bias_gradient(dy, dbias);
    return;
  }
  visit_float(dy.dtype(), "conv2d", [&]<class T>(T) {
    int64_t filters = dy.shape()[3] / geometry.groups, channels = geometry.group_channels();
    int64_t weights = geometry.size[0] * geometry.size[1] * channels;
    for (int64_t group = 0; group < geometry.groups; ++group)
      backward_kernel<T>(x.data<T>() + group * channels, dy.data<T>() + group * filters, dy.shape()[3],
                         geometry, dkernel.mutable_data<T>() + group * filters * weights,
                         dbias.defined() ? dbias.mutable_data<T>() + group * filters : nullptr);
  });
}

}  // namespace manul::cpu
