#include "manul/framework/cpu/parallel.h"
#include "manul/framework/cpu/product.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/conv/winograd_matrices_cpu.h"

namespace manul::cpu {
namespace {

using namespace squares;

/// The input and the gradient of the output.
struct Pictures {
  std::vector<ChannelPart> x;
  ChannelPart dy;
  int64_t count, channels;

  Pictures(std::span<const Tensor> x, const Tensor& dy, int64_t channels)
      : x(channel_parts(x)), dy{dy.data<float>(), dy.shape()[3]}, count(dy.shape()[0]), channels(channels) {}
  int64_t filters() const { return dy.channels; }
};

/// The matrices of a kernel's gradient: what the tiles see of the input, and the gradients of the output.
struct GradientMatrices {
  OwnParts seen, gradients;

  GradientMatrices(int64_t rows, Parts channels, Parts filters, int64_t gap)
      : seen(rows, channels, gap), gradients(rows, filters, gap) {}

  void transform(const Pictures& from, const Tiles& tiles, int64_t first) {
    parallel_rows(seen.all.rows, positions * (from.channels + from.filters()),
                  [&](int64_t begin, int64_t end) { transform_rows(from, tiles, first, begin, end); });
  }
  void transform_rows(const Pictures& from, const Tiles& tiles, int64_t first, int64_t begin, int64_t end) {
    transform_input(from.x, tiles, first, begin, end, seen.all);
    transform_output_gradient(from.dy, tiles, first, begin, end, gradients.all);
  }
};

/// The sums over tiles of the products of some filters' gradients and what is seen of some channels, at all
/// positions.
void add_up(const Matrices<float>& gradients, const Matrices<float>& seen, const Matrices<float>& sums,
            int64_t filters, int64_t channels, bool add) {
  product_on_thread<float>(
      {filters, channels, seen.rows}, {gradients.data, 1, gradients.step}, {seen.data, seen.step},
      {sums.data, sums.step}, add,
      {positions, gradients.position_step(), seen.position_step(), sums.position_step()});
}

constexpr int64_t part_filters = 64;
Parts filter_parts(int64_t filters) {
  return {filters, part_filters};
}

/// A kernel's gradient from all tiles at once: a thread makes the sums of some filters and channels at all
/// positions, which go from its cache into the gradient and never to memory.
void gradient_in_parts(const Pictures& from, const Tiles& tiles, float* dkernel) {
  const int64_t channels = from.channels, filters = from.filters();
  const Parts of_filters = filter_parts(filters), of_channels = column_parts(channels);
  GradientMatrices matrices(tiles.lines(from.count) * tiles.tiles_a_line, of_channels, of_filters, 0);
  matrices.transform(from, tiles, 0);
  parallel_for(of_filters.count * of_channels.count, 1, [&](int64_t task, int64_t /*end*/) {
    const int64_t filter_part = task / of_channels.count, channel_part = task % of_channels.count;
    const int64_t rows = of_filters.length(filter_part), count = of_channels.length(channel_part);
    const Matrices<float> gradients = matrices.gradients.all.of(filter_part);
    const Matrices<float> seen = matrices.seen.all.of(channel_part);
    OwnMatrices sums(rows, count);
    add_up(gradients, seen, sums.all, rows, count, false);
    transform_sums(
        sums.all, 0, rows, count, channels,
        dkernel + of_filters.begin(filter_part) * taps * taps * channels + of_channels.begin(channel_part));
  });
}

/// The same from some lines of tiles after the others.
void gradient_in_steps(const Pictures& from, const Tiles& tiles, int64_t at_once, float* dkernel) {
  const int64_t channels = from.channels, filters = from.filters();
  int64_t lines = tiles.lines(from.count), filter_tasks = filter_parts(filters).count;
  OwnMatrices sums(filters, channels);
  for (int64_t first = 0; first < lines; first += at_once) {
    GradientMatrices matrices(std::min(at_once, lines - first) * tiles.tiles_a_line, one_part(channels),
                              one_part(filters), Matrices<float>::line);
    matrices.transform(from, tiles, first);
    const Matrices<float> gradients = matrices.gradients.all.of(0), seen = matrices.seen.all.of(0);
    parallel_for(positions * filter_tasks, 1, [&](int64_t task, int64_t /*end*/) {
      int64_t p = task / filter_tasks, f = task % filter_tasks * part_filters;
      product_on_thread<float>({std::min(part_filters, filters - f), channels, seen.rows},
                               {gradients.at(p) + f, 1, gradients.step}, {seen.at(p), seen.step},
                               {sums.all.at(p, f), channels}, first > 0);
    });
  }
  parallel_rows(filters, positions * channels, [&](int64_t begin, int64_t end) {
    transform_sums(sums.all, begin, end, channels, channels, dkernel);
  });
}

/// The same for few channels and filters: a thread adds up some lines of tiles alone, in its cache.
void gradient_by_lines(const Pictures& from, const Tiles& tiles, int64_t at_once, float* dkernel) {
  const int64_t channels = from.channels, filters = from.filters();
  const int64_t lines = tiles.lines(from.count), parts = std::min(least_tasks, lines);
  const int64_t elements = Matrices<float>{nullptr, filters, channels}.elements();
  Tensor memory = Tensor::empty({parts * elements}, DType::f32);
  auto sums = [=, data = memory.mutable_data<float>()](int64_t part) {
    return Matrices<float>{data + part * elements, filters, channels};
  };
  parallel_for(parts, 1, [&](int64_t part, int64_t /*end*/) {
    const int64_t begin = lines * part / parts, end = lines * (part + 1) / parts;
    for (int64_t first = begin; first < end; first += at_once) {
      GradientMatrices matrices(std::min(at_once, end - first) * tiles.tiles_a_line, one_part(channels),
                                one_part(filters), Matrices<float>::line);
      matrices.transform_rows(from, tiles, first, 0, matrices.seen.all.rows);
      add_up(matrices.gradients.all.of(0), matrices.seen.all.of(0), sums(part), filters, channels,
             first > begin);
    }
  });
  parallel_rows(filters, parts * positions * channels, [&](int64_t begin, int64_t end) {
    for (int64_t p = 0; p < positions; ++p) {
      float* to = sums(0).at(p, begin);
      for (int64_t part = 1; part < parts; ++part) {
        const float* from = sums(part).at(p, begin);
        for (int64_t i = 0; i < (end - begin) * channels; ++i) to[i] += from[i];
      }
    }
    transform_sums(sums(0), begin, end, channels, channels, dkernel);
  });
}

}  // namespace

void kernel_gradient_by_winograd(std::span<const Tensor> x, const Tensor& dy, const WindowGeometry& g,
                                 int64_t most_elements, const Tensor& dkernel) {
  const Tiles tiles = forward_tiles(g);
  const Pictures from(x, dy, g.channels);
  const int64_t channels = g.channels, filters = from.filters(), lines = tiles.lines(g.batch);
  float* to = dkernel.mutable_data<float>();
  // A thread's sums and, in a twelfth of all room, its tiles go together in its second-level cache.
  constexpr int64_t most_sums = int64_t{1} << 17, share = 12, least_rows = 64;
  if (positions * channels * filters <= most_sums)
    return gradient_by_lines(
        from, tiles, lines_at_once(tiles, channels + filters, lines, most_elements / share, least_rows), to);
  // Sums that stay with the threads leave their memory to the other matrices.
  int64_t all = positions * lines * tiles.tiles_a_line * (channels + filters);
  if (column_parts(channels).count * filter_parts(filters).count >= least_tasks &&
      all <= most_elements + 2 * positions * channels * filters)
    gradient_in_parts(from, tiles, to);
  else
    gradient_in_steps(from, tiles, lines_at_once(tiles, channels + filters, lines, most_elements), to);
}

bool kernel_gradient_by_winograd(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                 int64_t most_elements, const Tensor& dkernel) {
  kernel_gradient_by_winograd(std::span(&x, 1), dy, g, most_elements, dkernel);
  return true;
}

}  // namespace manul::cpu
