#include <array>
#include <optional>

#include "manul/framework/cpu/kept_weights.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/product.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/conv/winograd_squares_cpu.h"

namespace manul::cpu {
namespace {

using namespace squares;

constexpr int64_t least_tasks = 16;

/// Parts of the columns of a product, one a task: the widest that tiles of products do best, of about the
/// same width, in whole tiles where that is possible.
struct ColumnParts {
  explicit ColumnParts(int64_t columns)
      : unit(columns % whole_tile == 0 ? whole_tile : width),
        units(columns / unit),
        count((units * unit + most - 1) / most) {}
  int64_t begin(int64_t part) const { return (units / count * part + std::min(part, units % count)) * unit; }
  int64_t length(int64_t part) const { return begin(part + 1) - begin(part); }

  static constexpr int64_t most = 48, whole_tile = vector_registers == 32 ? width : 2 * width;
  int64_t unit, units, count;
};

/// Lines of tiles that are done at once, for matrices of `columns` channels in all; so many that a product
/// has rows enough for what it reads of its other side.
int64_t lines_at_once(const Tiles& tiles, int64_t columns, int64_t lines, int64_t most_elements) {
  constexpr int64_t least_rows = 96;
  int64_t rows = std::max(most_elements / (positions * columns), least_rows);
  return std::clamp<int64_t>(rows / tiles.tiles_a_line, 1, lines);
}

/// Matrices and memory for them.
struct OwnMatrices {
  Tensor memory;
  Matrices<float> all;
  OwnMatrices(int64_t rows, int64_t columns) : all{nullptr, rows, columns} {
    memory = Tensor::empty({all.elements()}, DType::f32);
    all.data = memory.mutable_data<float>();
  }
};

/// A kernel's matrices as a whole; those of a prediction are kept for the next one.
class TransformedKernel {
 public:
  explicit TransformedKernel(const Kernel& kernel) {
    const int64_t inner = kernel.inner(), columns = kernel.columns();
    Matrices<float> to{nullptr, inner, columns + Matrices<float>::line};
    memory_ = KeptWeights::get<float>(
        kernel.tensor, kernel.data, std::array<int64_t, 1>{kernel.turned}, to.elements(), [&](float* data) {
          parallel_for(columns, width, [&](int64_t begin, int64_t end) {
            kernel.transform_part(0, begin, end - begin, {data + begin, inner, to.step});
          });
        });
    all = {memory_.data<float>(), inner, to.step};
  }

  Matrices<const float> all;

 private:
  Tensor memory_;
};

/// A thread does some lines of tiles alone, in its cache, for a kernel that stays there beside them.
void convolve_lines(const float* x, const Kernel& kernel, const Tiles& tiles, int64_t lines, int64_t grain,
                    const Output& output) {
  const int64_t inner = kernel.inner(), columns = kernel.columns();
  TransformedKernel transformed(kernel);
  const Matrices<const float>& weights = transformed.all;
  parallel_for(lines, grain, [&](int64_t first, int64_t end) {
    int64_t rows = (end - first) * tiles.tiles_a_line;
    OwnMatrices seen(rows, inner), products(rows, columns);
    transform_input(x, inner, tiles, first, 0, rows, seen.all);
    for (int64_t p = 0; p < positions; ++p)
      product_on_thread<float>({rows, columns, inner}, {seen.all.at(p), inner, 1},
                               {weights.at(p), weights.step}, {products.all.at(p), columns}, false);
    output.write(products.all, tiles, first, 0, 0, columns);
  });
}

/// A thread does some columns of many tiles: of a large kernel it transforms one part after the other, which
/// goes from its cache into the products and never to memory, unless it is kept.
void convolve_columns(const float* x, const Kernel& kernel, const Tiles& tiles, int64_t lines,
                      int64_t at_once, const Output& output) {
  constexpr int64_t part_rows = 64, least_rows = 96, most_rows = 192;
  const int64_t inner = kernel.inner();
  const ColumnParts parts(kernel.columns());
  std::optional<TransformedKernel> kept;
  if (KeptWeights::any()) kept.emplace(kernel);
  for (int64_t first = 0; first < lines; first += at_once) {
    int64_t all_rows = std::min(at_once, lines - first) * tiles.tiles_a_line;
    OwnMatrices seen(all_rows, inner + Matrices<float>::line);
    parallel_rows(all_rows, positions * inner, [&](int64_t begin, int64_t end) {
      transform_input(x, inner, tiles, first, begin, end, seen.all);
    });
    int64_t task_rows = std::clamp(all_rows * parts.count / least_tasks, least_rows, most_rows);
    int64_t row_tasks = (all_rows + task_rows - 1) / task_rows;
    parallel_for(row_tasks * parts.count, 1, [&](int64_t task, int64_t /*end*/) {
      int64_t row = task / parts.count * task_rows, column = parts.begin(task % parts.count);
      int64_t rows = std::min(task_rows, all_rows - row), count = parts.length(task % parts.count);
      OwnMatrices products(rows, count), part(std::min(part_rows, inner), count);
      for (int64_t k = 0; k < inner; k += part_rows) {
        part.all.rows = std::min(part_rows, inner - k);
        if (!kept) kernel.transform_part(k, column, count, part.all);
        for (int64_t p = 0; p < positions; ++p) {
          Rows<const float> weights{part.all.at(p), count};
          if (kept) weights = {kept->all.at(p, k) + column, kept->all.step};
          product_on_thread<float>({rows, count, part.all.rows}, {seen.all.at(p, row) + k, seen.all.step, 1},
                                   weights, {products.all.at(p), count}, k > 0);
        }
      }
      output.write(products.all, tiles, first, row, column, count);
    });
  }
}

/// `most_elements`: of the matrices of a thread.
void convolve(const Tensor& from, const Kernel& kernel, const Tiles& tiles, int64_t most_elements,
              const Output& output) {
  constexpr int64_t most_kernel = int64_t{1} << 17;  // beside a thread's tiles in its second-level cache
  int64_t both = kernel.inner() + kernel.columns(), lines = tiles.lines(from.shape()[0]);
  if (positions * kernel.inner() * kernel.columns() > most_kernel)
    return convolve_columns(from.data<float>(), kernel, tiles, lines,
                            lines_at_once(tiles, both, lines, least_tasks * most_elements), output);
  int64_t grain = lines_at_once(tiles, both, lines, most_elements);
  convolve_lines(from.data<float>(), kernel, tiles, lines,
                 std::min(grain, (lines + least_tasks - 1) / least_tasks), output);
}

/// The matrices of a kernel's gradient: what the tiles see of the input, and the gradients of the output.
struct GradientMatrices {
  int64_t all_channels, all_filters;
  OwnMatrices seen, gradients;
  GradientMatrices(int64_t rows, int64_t channels, int64_t filters)
      : all_channels(channels),
        all_filters(filters),
        seen(rows, channels + Matrices<float>::line),
        gradients(rows, filters + Matrices<float>::line) {}

  void transform(const Tensor& x, const Tensor& dy, const Tiles& tiles, int64_t first) {
    int64_t channels = all_channels, filters = all_filters;
    parallel_rows(seen.all.rows, positions * (channels + filters), [&](int64_t begin, int64_t end) {
      transform_input(x.data<float>(), channels, tiles, first, begin, end, seen.all);
      transform_output_gradient(dy.data<float>(), filters, tiles, first, begin, end, gradients.all);
    });
  }
  /// The sums of one position for some filters and channels go to `to`, or on top of it.
  void add_up(int64_t position, int64_t filter, int64_t filters, int64_t channel, int64_t channels,
              Rows<float> to, bool add) const {
    product_on_thread<float>({filters, channels, seen.all.rows},
                             {gradients.all.at(position) + filter, 1, gradients.all.step},
                             {seen.all.at(position) + channel, seen.all.step}, to, add);
  }
};

constexpr int64_t part_filters = 64;
int64_t filter_parts(int64_t filters) {
  return (filters + part_filters - 1) / part_filters;
}

/// A kernel's gradient from all tiles at once: a thread makes the sums of some filters and channels at all
/// positions, which go from its cache into the gradient and never to memory.
void gradient_in_parts(const Tensor& x, const Tensor& dy, const Tiles& tiles, int64_t channels,
                       int64_t filters, float* dkernel) {
  GradientMatrices matrices(tiles.lines(x.shape()[0]) * tiles.tiles_a_line, channels, filters);
  matrices.transform(x, dy, tiles, 0);
  const ColumnParts parts(channels);
  parallel_for(filter_parts(filters) * parts.count, 1, [&](int64_t task, int64_t /*end*/) {
    int64_t f = task / parts.count * part_filters, c = parts.begin(task % parts.count);
    int64_t rows = std::min(part_filters, filters - f), count = parts.length(task % parts.count);
    OwnMatrices sums(rows, count);
    for (int64_t p = 0; p < positions; ++p)
      matrices.add_up(p, f, rows, c, count, {sums.all.at(p), count}, false);
    transform_sums(sums.all, 0, rows, count, channels, dkernel + f * taps * taps * channels + c);
  });
}

/// The same from some lines of tiles after the others.
void gradient_in_steps(const Tensor& x, const Tensor& dy, const Tiles& tiles, int64_t channels,
                       int64_t filters, int64_t at_once, float* dkernel) {
  int64_t lines = tiles.lines(x.shape()[0]), filter_tasks = filter_parts(filters);
  OwnMatrices sums(filters, channels);
  for (int64_t first = 0; first < lines; first += at_once) {
    GradientMatrices matrices(std::min(at_once, lines - first) * tiles.tiles_a_line, channels, filters);
    matrices.transform(x, dy, tiles, first);
    parallel_for(positions * filter_tasks, 1, [&](int64_t task, int64_t /*end*/) {
      int64_t p = task / filter_tasks, f = task % filter_tasks * part_filters;
      matrices.add_up(p, f, std::min(part_filters, filters - f), 0, channels, {sums.all.at(p, f), channels},
                      first > 0);
    });
  }
  parallel_rows(filters, positions * channels, [&](int64_t begin, int64_t end) {
    transform_sums(sums.all, begin, end, channels, channels, dkernel);
  });
}

/// Whether so many fewer products than those of the taps on the picture pay for the transforms.
bool saves_products(const WindowGeometry& g) {
  constexpr double least_ratio = 1.6;
  double of_taps = 1, of_tiles = positions;
  for (int axis = 0; axis < 2; ++axis) {
    int64_t inside = 0;
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t first = std::max(g.pad_before[axis] - tap, int64_t{0});
      int64_t last = std::min(g.input[axis] + g.pad_before[axis] - tap, g.output[axis]);
      inside += std::max(last - first, int64_t{0});
    }
    of_taps *= static_cast<double>(inside);
    of_tiles *= static_cast<double>(Tiles::covering(g.output[axis]));
  }
  return of_taps > least_ratio * of_tiles;
}

}  // namespace

bool kernel_gradient_is_for_winograd(const WindowGeometry& g, int64_t filters, DType dtype) {
  constexpr int64_t least_channels = 32, least_tiles = 16;  // below these it is slower
  int64_t tiles = tiles_of(g);
  return dtype == DType::f32 && g.channels % width == 0 && filters % width == 0 &&
         std::min(g.channels, filters) >= least_channels && tiles >= least_tiles && tiles < int64_t{1} << 31;
}

bool is_for_winograd(const WindowGeometry& g, int64_t filters, DType dtype) {
  return kernel_gradient_is_for_winograd(g, filters, dtype) && saves_products(g);
}

bool forward_by_winograd(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                         int64_t most_elements, const Tensor& y) {
  const float* shift = bias.defined() ? bias.data<float>() : nullptr;
  convolve(x, {kernel, false}, forward_tiles(g), most_elements,
           {y.mutable_data<float>(), y.shape()[3], shift, false});
  return true;
}

bool input_gradient_by_winograd(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                                int64_t most_elements, const Tensor& dx) {
  convolve(dy, {kernel, true}, input_gradient_tiles(g), most_elements,
           {dx.mutable_data<float>(), g.channels, nullptr, add});
  return true;
}

bool kernel_gradient_by_winograd(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                 int64_t most_elements, const Tensor& dkernel) {
  Tiles tiles = forward_tiles(g);
  int64_t channels = g.channels, filters = dy.shape()[3], lines = tiles.lines(g.batch);
  // Sums that stay with the threads leave their memory to the other matrices.
  int64_t all = positions * lines * tiles.tiles_a_line * (channels + filters);
  if (ColumnParts(channels).count * filter_parts(filters) >= least_tasks &&
      all <= most_elements + 2 * positions * channels * filters)
    gradient_in_parts(x, dy, tiles, channels, filters, dkernel.mutable_data<float>());
  else
    gradient_in_steps(x, dy, tiles, channels, filters,
                      lines_at_once(tiles, channels + filters, lines, most_elements),
                      dkernel.mutable_data<float>());
  return true;
}

}  // namespace manul::cpu
