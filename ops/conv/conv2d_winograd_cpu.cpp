#include <array>

#include "manul/framework/cpu/kept_weights.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/product.h"
#include "manul/framework/cpu/product_tile.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/conv/winograd_matrices_cpu.h"

namespace manul::cpu {
namespace {

using namespace squares;
using Input = std::span<const ChannelPart>;

/// Products of the matrices of all positions. `a_is_near`: as of a Series.
void multiply(ProductSize size, Matrices<const float> a, Matrices<const float> b, Matrices<float> y, bool add,
              bool a_is_near = false, Ahead* ahead = nullptr) {
  product_on_thread<float>(size, {a.data, a.step, 1}, {b.data, b.step}, {y.data, y.step}, add,
                           {positions, a.position_step(), b.position_step(), y.position_step(), a_is_near},
                           ahead);
}

/// A kernel's matrices in parts of the inner axis and of the columns; those of a prediction are kept for the
/// next one.
class TransformedKernel {
 public:
  TransformedKernel(const Kernel& kernel, Parts inner, Parts columns) : inner_(inner), columns_(columns) {
    most_ = Matrices<float>{nullptr, inner.length(0), columns.length(0)}.elements();
    const int64_t count = inner.count * columns.count;
    memory_ = KeptWeights::get<float>(
        kernel.tensor, kernel.data, std::array<int64_t, 1>{kernel.turned}, count * most_, [&](float* data) {
          parallel_for(count, 1, [&](int64_t part, int64_t /*end*/) {
            const int64_t i = part % inner_.count, j = part / inner_.count;
            kernel.transform_part(inner_.begin(i), columns_.begin(j), columns_.length(j), place(data, i, j));
          });
        });
  }
  Matrices<const float> of(int64_t inner_part, int64_t column_part) const {
    return place(memory_.data<float>(), inner_part, column_part);
  }

 private:
  template <class T>
  Matrices<T> place(T* data, int64_t i, int64_t j) const {
    return {data + (j * inner_.count + i) * most_, inner_.length(i), columns_.length(j)};
  }

  Parts inner_, columns_;
  int64_t most_;  // elements of a part
  Tensor memory_;
};

constexpr int64_t most_task_rows = 192;  // tiles of a task of convolve_columns()

/// A thread does some columns of some tiles. Of a large kernel it transforms one part after the other, which
/// goes from its cache into the products and never to memory.
void convolve_columns(Input x, const Kernel& kernel, const Tiles& tiles, int64_t lines, int64_t at_once,
                      const Output& output) {
  constexpr int64_t least_rows = 96;
  const Parts inner = inner_parts(kernel.inner()), parts = column_parts(kernel.columns());
  auto rows_of_task = [&](int64_t rows) {
    return std::clamp(rows * parts.count / least_tasks, least_rows, most_task_rows);
  };
  const int64_t steps = (lines + at_once - 1) / at_once;
  at_once = (lines + steps - 1) / steps;
  for (int64_t first = 0; first < lines; first += at_once) {
    const int64_t all_rows = std::min(at_once, lines - first) * tiles.tiles_a_line;
    OwnParts seen(all_rows, inner);
    parallel_rows(all_rows, positions * kernel.inner(), [&](int64_t begin, int64_t end) {
      transform_input(x, tiles, first, begin, end, seen.all);
    });
    const int64_t row_tasks = (all_rows + rows_of_task(all_rows) - 1) / rows_of_task(all_rows);
    const int64_t task_rows = (all_rows + row_tasks - 1) / row_tasks;
    parallel_for(row_tasks * parts.count, 1, [&](int64_t task, int64_t /*end*/) {
      const int64_t row = task / parts.count * task_rows, part = task % parts.count;
      const int64_t rows = std::min(task_rows, all_rows - row), count = parts.length(part);
      OwnMatrices products(rows, count), own(inner.length(0), count);
      for (int64_t k = 0; k < inner.count; ++k) {
        own.all.rows = inner.length(k);
        kernel.transform_part(inner.begin(k), parts.begin(part), count, own.all);
        multiply({rows, count, inner.length(k)}, seen.all.of(k).from(row), own.all, products.all, k > 0);
      }
      output.write(products.all, tiles, first, row, parts.begin(part), count);
    });
  }
}

/// How tiles are shared where the kernel is transformed before: in blocks of about the same number of them,
/// whose matrices stay in a thread's cache while it reads the whole kernel; where blocks are fewer than
/// threads, several do columns of one each, after transforming it for themselves.
struct BlockTasks {
  int64_t tiles, blocks, groups;

  BlockTasks(int64_t all, int64_t inner, int64_t parts, int64_t most_elements) : tiles(all) {
    constexpr int64_t fewest = 24, least = 32, largest = 128;
    const int64_t most = std::clamp(most_elements / (positions * inner), least, largest);
    blocks = (tiles + most - 1) / most;
    const int64_t each = 2 * threads(), even = (blocks + each - 1) / each * each;
    if (tiles >= even * fewest) blocks = even;
    groups = std::clamp<int64_t>((threads() + blocks - 1) / blocks, 1, parts);
  }
  int64_t begin(int64_t block) const { return tiles * block / blocks; }
};

/// With a kernel that is kept, small, or used so often that it pays to transform it as a whole, a thread does
/// all of some tiles in one pass. `inner`: the parts of the kernel in which the way above adds up, so that
/// the sums are the same.
void convolve_blocks(Input x, const Kernel& kernel, const Tiles& tiles, int64_t lines, Parts inner,
                     int64_t most_elements, const Output& output) {
  const Parts parts = column_parts(kernel.columns());
  const TransformedKernel whole(kernel, inner, parts);
  const BlockTasks tasks(lines * tiles.tiles_a_line, kernel.inner(), parts.count, most_elements);
  parallel_for(tasks.blocks * tasks.groups, 1, [&](int64_t task, int64_t /*end*/) {
    const int64_t block = task / tasks.groups, group = task % tasks.groups;
    const int64_t begin = tasks.begin(block), rows = tasks.begin(block + 1) - begin;
    OwnParts seen(rows, inner);
    seen.all.first_row = begin;
    transform_input(x, tiles, 0, begin, begin + rows, seen.all);
    for (int64_t i = parts.count * group / tasks.groups; i < parts.count * (group + 1) / tasks.groups; ++i) {
      const int64_t count = parts.length(i);
      OwnMatrices products(rows, count);
      for (int64_t k = 0; k < inner.count; ++k)
        multiply({rows, count, inner.length(k)}, seen.all.of(k), whole.of(k, i), products.all, k > 0, true);
      output.write(products.all, tiles, 0, begin, parts.begin(i), count);
    }
  });
}

/// The same for a small kernel of few channels, which stays in the second-level cache: the matrices of so few
/// tiles that they stay in the first.
void convolve_strips(Input x, const Kernel& kernel, const Tiles& tiles, int64_t lines, const Output& output) {
  constexpr int64_t strip_rows = blocked::tile_rows, tile_columns = blocked::tile_vectors * width;
  constexpr int64_t most_grain = 16, least_parts = 64;
  const Parts inner = one_part(kernel.inner()), parts{kernel.columns(), tile_columns, tile_columns};
  const TransformedKernel whole(kernel, inner, parts);
  const int64_t all = lines * tiles.tiles_a_line, strips = (all + strip_rows - 1) / strip_rows;
  parallel_for(strips, std::clamp(strips / least_parts, int64_t{1}, most_grain),
               [&](int64_t first, int64_t last) {
                 OwnParts seen(strip_rows, inner);
                 OwnMatrices products(strip_rows, parts.length(0));
                 for (int64_t strip = first; strip < last; ++strip) {
                   const int64_t begin = all * strip / strips, end = all * (strip + 1) / strips;
                   seen.all.first_row = begin;
                   seen.all.rows = products.all.rows = end - begin;
                   transform_input(x, tiles, 0, begin, end, seen.all);
                   for (int64_t i = 0; i < parts.count; ++i) {
                     products.all.step = parts.length(i);
                     Ahead ahead;
                     output.ask_for(ahead, tiles, 0, begin, end - begin, parts.begin(i), parts.length(i));
                     multiply({end - begin, parts.length(i), kernel.inner()}, seen.all.of(0), whole.of(0, i),
                              products.all, false, true, &ahead);
                     output.write(products.all, tiles, 0, begin, parts.begin(i), parts.length(i));
                   }
                 }
               });
}

/// `most_elements`: of the matrices of a thread.
void convolve(Input x, int64_t pictures, const Kernel& kernel, const Tiles& tiles, int64_t most_elements,
              const Output& output) {
  constexpr int64_t most_kernel = int64_t{1} << 17;  // beside a thread's tiles in its second-level cache
  constexpr int64_t most_of_strips = vector_registers == 32 ? most_kernel : most_kernel / 2;
  constexpr int64_t few_channels = 64;
  constexpr int64_t most_uses = 6;  // beyond it is slower to transform a part again than to fetch it
  const int64_t inner = kernel.inner(), columns = kernel.columns(), elements = positions * inner * columns;
  const int64_t lines = tiles.lines(pictures);
  if (inner <= few_channels && elements <= most_of_strips)
    return convolve_strips(x, kernel, tiles, lines, output);
  const bool is_small = elements <= most_kernel;
  const bool is_used_often = lines * tiles.tiles_a_line > most_uses * most_task_rows;
  if (is_small || is_used_often || KeptWeights::any())
    return convolve_blocks(x, kernel, tiles, lines, is_small ? one_part(inner) : inner_parts(inner),
                           most_elements, output);
  convolve_columns(x, kernel, tiles, lines,
                   lines_at_once(tiles, inner + columns, lines, least_tasks * most_elements), output);
}

/// Whether the products are so many times fewer than those of the taps on the picture, to pay for the
/// transforms.
bool saves_products(const WindowGeometry& g, double least_ratio) {
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
  constexpr double least_ratio = 1.25;
  int64_t tiles = tiles_of(g);
  return dtype == DType::f32 && g.channels % width == 0 && filters % width == 0 &&
         std::min(g.channels, filters) >= least_channels && tiles >= least_tiles &&
         tiles < int64_t{1} << 31 && saves_products(g, least_ratio);
}

bool is_for_winograd(const WindowGeometry& g, int64_t filters, DType dtype) {
  constexpr double least_ratio = 1.5;
  return kernel_gradient_is_for_winograd(g, filters, dtype) && saves_products(g, least_ratio);
}

bool parts_are_for_winograd(std::span<const Tensor> x, const WindowGeometry& g, int64_t filters) {
  return is_for_winograd(g, filters, x[0].dtype()) &&
         std::all_of(x.begin(), x.end(), [](const Tensor& part) { return part.shape()[3] % width == 0; });
}

void finished_by_winograd(std::span<const Tensor> x, const Tensor& kernel, const Tensor& bias,
                          const WindowGeometry& g, int64_t most_elements, const FinishRange& finish,
                          const Tensor& y) {
  const float* shift = bias.defined() ? bias.data<float>() : nullptr;
  const OutputPart whole{y.mutable_data<float>(), y.shape()[3], false};
  convolve(channel_parts(x), g.batch, {kernel, false}, forward_tiles(g), most_elements,
           {{&whole, 1}, shift, finish});
}

bool forward_by_winograd(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                         int64_t most_elements, const Tensor& y) {
  finished_by_winograd({&x, 1}, kernel, bias, g, most_elements, {}, y);
  return true;
}

void input_gradients_by_winograd(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g,
                                 int64_t most_elements, std::span<const ChannelGradient> dx) {
  std::vector<OutputPart> parts;
  for (const auto& [to, channels, add] : dx)
    parts.push_back({to.defined() ? to.mutable_data<float>() : nullptr, channels, add});
  convolve(channel_parts({&dy, 1}), g.batch, {kernel, true}, input_gradient_tiles(g), most_elements,
           {parts, nullptr, {}});
}

bool input_gradient_by_winograd(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                                int64_t most_elements, const Tensor& dx) {
  const ChannelGradient whole{dx, g.channels, add};
  input_gradients_by_winograd(dy, kernel, g, most_elements, {&whole, 1});
  return true;
}

}  // namespace manul::cpu
