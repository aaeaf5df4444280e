#include "manul/ops/conv/conv2d_winograd.h"

#include <algorithm>

#include "manul/framework/cuda/blas.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/ops/conv/winograd.h"

namespace manul::cuda {
namespace {

using namespace winograd;
using Four = Pack<float, 4>;

// A matrix has a tile a row, and one of the 16 positions comes after the other: [positions, rows, channels].

/// Writes a row's four channels of all positions; `i` counts such fours of a position.
__device__ void store(const Four (&window)[side][side], uint32_t rows, uint32_t packs, uint32_t i,
                      float* to) {
  for (int row = 0; row < side; ++row)
    for (int column = 0; column < side; ++column)
      mutable_pack<4>(to, (int64_t{row} * side + column) * rows * packs + i) = window[row][column];
}

/// Four channels of a pixel; zero beside the picture.
__device__ Four pixel(const float* picture, const int (&size)[2], uint32_t packs, uint32_t channel, int y,
                      int x) {
  bool inside = y >= 0 && y < size[0] && x >= 0 && x < size[1];
  return inside ? pack<float, 4>(picture, (int64_t{y} * size[1] + x) * packs + channel) : Four{};
}

/// What each tile sees of pictures, `extent` pixels each way from its first output less `pad`.
template <class Transform, int extent>
struct TransformPictures {
  const float* pictures;
  int size[2], pad[2];
  Tiles tiles;
  uint32_t first, rows, packs;
  float* to;
  __device__ void operator()(int64_t index) const {
    auto i = static_cast<uint32_t>(index);
    uint32_t channel = i % packs;
    Place place(tiles, first, i / packs);
    const float* picture = pictures + place.picture * size[0] * size[1] * packs * 4;
    Four window[extent][extent], result[side][side];
    for (int row = 0; row < extent; ++row)
      for (int column = 0; column < extent; ++column)
        window[row][column] =
            pixel(picture, size, packs, channel, place.y + row - pad[0], place.x + column - pad[1]);
    transform(Transform{}, window, result);
    store(result, rows, packs, i, to);
  }
};

/// The transformed tiles of `pictures` from line `first` on: [positions, rows, channels] `to`.
template <class Transform, int extent>
void transform_pictures(const Tensor& pictures, const int (&pad)[2], const Tiles& tiles, uint32_t first,
                        uint32_t rows, const Tensor& to) {
  const Shape& shape = pictures.shape();
  auto packs = static_cast<uint32_t>(shape[3] / 4);
  for_each(context_of(pictures), int64_t{rows} * packs,
           TransformPictures<Transform, extent>{pictures.data<float>(),
                                                {static_cast<int>(shape[1]), static_cast<int>(shape[2])},
                                                {pad[0], pad[1]},
                                                tiles,
                                                first,
                                                rows,
                                                packs,
                                                to.mutable_data<float>()});
}

/// y = the products' tiles + bias, or + y.
struct TransformProducts {
  const float *products, *bias;
  Tiles tiles;
  uint32_t first, rows, packs;
  bool add;
  float* y;
  __device__ void operator()(int64_t index) const {
    auto i = static_cast<uint32_t>(index);
    uint32_t channel = i % packs;
    Place place(tiles, first, i / packs);
    Four from[side][side], tile[outputs][outputs];
    for (int row = 0; row < side; ++row)
      for (int column = 0; column < side; ++column)
        from[row][column] = pack<float, 4>(products, (int64_t{row} * side + column) * rows * packs + i);
    transform(OfProducts{}, from, tile);
    Four shift = bias ? pack<float, 4>(bias, channel) : Four{};
    float* picture = y + place.picture * tiles.output[0] * tiles.output[1] * packs * 4;
    for (int row = 0; row < outputs; ++row)
      for (int column = 0; column < outputs; ++column) {
        int oy = place.y + row, ox = place.x + column;
        if (oy >= tiles.output[0] || ox >= tiles.output[1]) continue;
        Four& to = mutable_pack<4>(picture, (int64_t{oy} * tiles.output[1] + ox) * packs + channel);
        to = tile[row][column] + (add ? to : shift);
      }
  }
};

/// kernel [filters, 3, 3, channels] to [positions, filters, channels]; `turned` for the input's gradient to
/// [positions, channels, filters], from the last tap to the first.
struct TransformKernel {
  const float* kernel;
  int64_t filters, channels;
  bool turned;
  float* to;
  __device__ void operator()(int64_t i) const {
    int64_t f = turned ? i % filters : i / channels, c = turned ? i / filters : i % channels;
    float window[taps][taps], result[side][side];
    for (int row = 0; row < taps; ++row)
      for (int column = 0; column < taps; ++column) {
        int tap = row * taps + column;
        window[row][column] =
            kernel[(f * taps * taps + (turned ? taps * taps - 1 - tap : tap)) * channels + c];
      }
    transform(OfKernel{}, window, result);
    for (int row = 0; row < side; ++row)
      for (int column = 0; column < side; ++column)
        to[(row * side + column) * filters * channels + i] = result[row][column];
  }
};

/// sums += products [positions, parts, elements] over the parts.
struct AddParts {
  const float* products;
  int64_t parts, elements;
  bool is_first;
  double* sums;
  __device__ void operator()(int64_t i) const {
    const float* from = products + i / elements * parts * elements + i % elements;
    double sum = is_first ? 0 : sums[i];
    for (int64_t part = 0; part < parts; ++part) sum += from[part * elements];
    sums[i] = sum;
  }
};

struct TransformKernelGradient {
  const double* sums;
  int64_t channels, elements;
  float* dkernel;
  __device__ void operator()(int64_t i) const {
    double from[side][side], result[taps][taps];
    for (int row = 0; row < side; ++row)
      for (int column = 0; column < side; ++column)
        from[row][column] = sums[(row * side + column) * elements + i];
    transform(OfKernelGradient{}, from, result);
    for (int row = 0; row < taps; ++row)
      for (int column = 0; column < taps; ++column)
        dkernel[(i / channels * taps * taps + row * taps + column) * channels + i % channels] =
            static_cast<float>(result[row][column]);
  }
};

Tensor matrices(const Tensor& like, int64_t count, int64_t rows, int64_t columns) {
  return Tensor::empty({count, rows, columns}, DType::f32, like.device());
}

/// cuBLAS refused a product: the caller may do it in another way if none was written before.
void check_nothing_written(int64_t first) {
  if (first > 0) fail(ErrorKind::device, "cuda: cuBLAS has no algorithm for the last part of a convolution");
}

/// to = (add ? to : 0) + from * transformed kernel [positions, columns, channels of `from`] + bias.
bool convolve(const Tensor& from, const Tensor& kernel, const Tensor& bias, const Tiles& tiles, bool add,
              int64_t most_elements, const Tensor& to) {
  const Context& context = context_of(from);
  int64_t inner = from.shape()[3], columns = to.shape()[3], lines = tiles.lines(from.shape()[0]);
  int64_t line_elements = positions * tiles.tiles_a_line * (inner + columns);
  int64_t lines_at_once = std::clamp<int64_t>(most_elements / line_elements, 1, lines);
  for (int64_t first = 0; first < lines; first += lines_at_once) {
    int64_t rows = std::min(lines_at_once, lines - first) * tiles.tiles_a_line;
    auto part = static_cast<uint32_t>(first), count = static_cast<uint32_t>(rows);
    Tensor seen = matrices(from, positions, rows, inner), products = matrices(from, positions, rows, columns);
    transform_pictures<OfInput, side>(from, tiles.pad, tiles, part, count, seen);
    if (!blas_product(seen, false, kernel, true, Epilogue::none, {}, products)) {
      check_nothing_written(first);
      return false;
    }
    for_each(context, rows * columns / 4,
             TransformProducts{products.data<float>(), data_or_null<float>(bias), tiles, part, count,
                               static_cast<uint32_t>(columns / 4), add, to.mutable_data<float>()});
  }
  return true;
}

Tensor transform_kernel(const Tensor& kernel, bool turned) {
  int64_t filters = kernel.shape()[0], channels = kernel.shape()[3];
  Tensor result = turned ? matrices(kernel, positions, channels, filters)
                         : matrices(kernel, positions, filters, channels);
  for_each(context_of(kernel), filters * channels,
           TransformKernel{kernel.data<float>(), filters, channels, turned, result.mutable_data<float>()});
  return result;
}

}  // namespace

bool is_for_winograd(const WindowGeometry& g, int64_t filters) {
  // Below these the transforms take longer than they save.
  constexpr int64_t least_channels = 32, least_tiles = 128;
  int64_t tiles = tiles_of(g);
  return g.channels % 4 == 0 && filters % 4 == 0 && std::min(g.channels, filters) >= least_channels &&
         tiles >= least_tiles && tiles < int64_t{1} << 31;
}

bool forward_by_winograd(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& g,
                         int64_t most_elements, const Tensor& y) {
  if (!allow_packs({x.raw_data(), bias.defined() ? bias.raw_data() : nullptr, y.raw_data()})) return false;
  return convolve(x, transform_kernel(kernel, false), bias, forward_tiles(g), false, most_elements, y);
}

bool input_gradient_by_winograd(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                                int64_t most_elements, const Tensor& dx) {
  if (!allow_packs({dy.raw_data(), dx.raw_data()})) return false;
  return convolve(dy, transform_kernel(kernel, true), {}, input_gradient_tiles(g), add, most_elements, dx);
}

bool kernel_gradient_by_winograd(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                 int64_t most_elements, const Tensor& dkernel) {
  constexpr int64_t tiles_a_part = 2048;
  if (!allow_packs({x.raw_data(), dy.raw_data()})) return false;
  const Context& context = context_of(x);
  Tiles tiles = forward_tiles(g);
  int64_t channels = g.channels, filters = dy.shape()[3], elements = channels * filters;
  int64_t lines = tiles.lines(g.batch),
          part_lines = std::min<int64_t>(blocks_for(tiles_a_part, tiles.tiles_a_line), lines);
  int64_t part_elements = positions * (part_lines * tiles.tiles_a_line * (channels + filters) + elements);
  int64_t most_parts = std::max<int64_t>(most_elements / part_elements, 1);
  Tensor sums = Tensor::empty({positions * elements}, DType::f64, x.device());
  for (int64_t first = 0; first < lines;) {
    part_lines = std::min(part_lines, lines - first);
    int64_t parts = std::min((lines - first) / part_lines, most_parts);
    int64_t part_rows = part_lines * tiles.tiles_a_line, rows = parts * part_rows;
    auto from = static_cast<uint32_t>(first), count = static_cast<uint32_t>(rows);
    Tensor seen = matrices(x, positions * parts, part_rows, channels);
    Tensor gradients = matrices(x, positions * parts, part_rows, filters);
    Tensor products = matrices(x, positions * parts, filters, channels);
    transform_pictures<OfInput, side>(x, tiles.pad, tiles, from, count, seen);
    transform_pictures<OfOutputGradient, outputs>(dy, {0, 0}, tiles, from, count, gradients);
    if (!blas_product(gradients, true, seen, false, Epilogue::none, {}, products)) return false;
    for_each(context, positions * elements,
             AddParts{products.data<float>(), parts, elements, first == 0, sums.mutable_data<double>()});
    first += parts * part_lines;
  }
  for_each(context, elements,
           TransformKernelGradient{sums.data<double>(), channels, elements, dkernel.mutable_data<float>()});
  return true;
}

}  // namespace manul::cuda
