#include "manul/ops/conv/conv2d_gradient_tiles.h"

#include <bit>

#include "manul/framework/cuda/packed_column_sums.h"
#include "manul/framework/cuda/product/tensor_core.h"
#include "manul/ops/conv/gradient_tiles_cuda.h"

namespace manul::cuda {
namespace {

constexpr int gradient_stages = 2, most_tile_pixels = 256, most_places = 576;

/// How a block shares its part of the kernel: 32 * halves filters, and of [tap, channel] 8 * tiles a warp.
template <int halves_, int tiles_, int warps_, int blocks_>
struct GradientShare {
  static constexpr int halves = halves_, tiles = tiles_, filters = 32 * halves;
  static constexpr int warps = warps_, threads = 32 * warps;
  static constexpr int blocks = blocks_;  // of a multiprocessor
};

/// What lies `bytes` behind an address.
template <class T>
__device__ const T* behind(const T* from, int bytes) {
  return reinterpret_cast<const T*>(reinterpret_cast<const char*>(from) + bytes);
}

/// The sums of a warp. With row = lane / 4 and column = lane % 4 a lane has of every 16 filters 2 * row and
/// the next, and of eight pixels `column` and `column` + 4.
template <class Share>
struct TileSums {
  float sum[2 * Share::halves][Share::tiles][4] = {};

  /// Adds the products of eight pixels of dy, `pitch` apart, from the lane's first filter and pixel on, with
  /// what lies `offsets` bytes behind the lane's two pixels of x.
  __device__ void add(const float* dy, int pitch, const float* first, const float* second,
                      const int (&offsets)[Share::tiles]) {
    uint32_t left[2 * Share::halves][4];
#pragma unroll
    for (int i = 0; i < 2 * Share::halves; ++i)
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        float2 value = *reinterpret_cast<const float2*>(dy + 4 * k * pitch + 16 * i);
        left[i][2 * k] = to_tf32(value.x);
        left[i][2 * k + 1] = to_tf32(value.y);
      }
#pragma unroll
    for (int j = 0; j < Share::tiles; ++j) {
      uint32_t right[2] = {to_tf32(*behind(first, offsets[j])), to_tf32(*behind(second, offsets[j]))};
#pragma unroll
      for (int i = 0; i < 2 * Share::halves; ++i) multiply_add_tf32(sum[i][j], left[i], right);
    }
  }

  /// Calls write(place, filter, value) for all sums: of the warp's places, of the block's filters.
  template <class Write>
  __device__ void each(int row, int column, const Write& write) const {
#pragma unroll
    for (int j = 0; j < Share::tiles; ++j)
#pragma unroll
      for (int k = 0; k < 2; ++k)
#pragma unroll
        for (int i = 0; i < 4 * Share::halves; ++i)
          write(8 * j + 2 * column + k, 16 * (i / 2) + 2 * row + i % 2, sum[i / 2][j][i % 2 * 2 + k]);
  }
};

/// Where the pixels of a tile begin in x, for the first tap, in bytes. Those that fill up the last eight
/// begin somewhere.
__device__ void note_pixels(const GradientTiles& tiles, int* pixels) {
  for (int i = threadIdx.x; i < tiles.steps() * 8; i += blockDim.x) {
    int pixel = i < tiles.pixels() ? i : 0, line = pixel / tiles.columns;
    pixels[i] = tiles.x.first_float(line / tiles.rows, line % tiles.rows * tiles.x.step[0],
                                    pixel % tiles.columns * tiles.x.step[1]) *
                static_cast<int>(sizeof(float));
  }
}

/// How far behind them, in bytes, what a place of [tap, channel] is multiplied with lies. What is read for
/// places behind the last one goes nowhere.
__device__ void note_places(const GradientTiles& tiles, int count, int* places) {
  for (int place = threadIdx.x; place < count; place += blockDim.x) {
    int tap = place / tiles.x.chunk;
    int first = tiles.x.first_float(0, tap / tiles.kernel_columns * tiles.dilation[0],
                                    tap % tiles.kernel_columns * tiles.dilation[1]);
    places[place] =
        tap < tiles.taps() ? (first + place % tiles.x.chunk) * static_cast<int>(sizeof(float)) : 0;
  }
}

/// Zeros as the gradients of what fills up the last eight pixels: no copy writes there.
__device__ void clear_missing_pixels(const GradientTiles& tiles, float* dy) {
  int first = tiles.pixels() * tiles.dy.pitch;
  for (int i = first + threadIdx.x; i < tiles.dy_floats; i += blockDim.x)
#pragma unroll
    for (int stage = 0; stage < gradient_stages; ++stage) dy[stage * tiles.stage_floats + i] = 0;
}

/// Block (x: tiles, y: chunks of filters and channels). `group_warps` warps have the places of [tap,
/// channel], and groups of so many share the pixels; each group of each block has its own [F, kh, kw, C] of
/// `parts`.
template <class Share>
__global__ void __launch_bounds__(Share::threads, Share::blocks)
    kernel_gradient_tiles(GradientTiles tiles, int group_warps, float* parts) {
  begin_kernel();
  float* memory = dynamic_shared<float>();
  int *pixels = reinterpret_cast<int*>(memory + gradient_stages * tiles.stage_floats),
      *places = pixels + most_tile_pixels;
  int warp = threadIdx.x / 32, row = threadIdx.x % 32 / 4, column = threadIdx.x % 4;
  int group = warp / group_warps, groups = Share::warps / group_warps;
  int first_channel = static_cast<int>(blockIdx.y) % tiles.x.chunks() * tiles.x.chunk,
      first_filter = static_cast<int>(blockIdx.y) / tiles.x.chunks() * tiles.dy.chunk;
  int first_place = warp % group_warps * 8 * Share::tiles;
  auto start = [&](int tile, int stage) {
    TileOrigin origin = tiles.origin(tile);
    float* to = memory + stage * tiles.stage_floats;
    // Other warps have the first rows of x than those of dy.
    int shifted = (warp + Share::warps - tiles.pictures * tiles.rows % Share::warps) % Share::warps;
    start_tile(tiles.dy, origin, tiles.pictures, tiles.batch, first_filter, warp, to);
    start_tile(tiles.x, origin, tiles.pictures, tiles.batch, first_channel, shifted, to + tiles.dy_floats);
  };
  start(blockIdx.x, 0);
  commit_copies();
  note_pixels(tiles, pixels);
  note_places(tiles, group_warps * 8 * Share::tiles, places);
  clear_missing_pixels(tiles, memory);
  __syncthreads();
  int offsets[Share::tiles];
#pragma unroll
  for (int j = 0; j < Share::tiles; ++j) offsets[j] = places[first_place + 8 * j + row];
  TileSums<Share> sums;
  int stage = 0;
  for (int tile = blockIdx.x; tile < tiles.count; tile += gridDim.x, stage ^= 1) {
    wait_for_copies<0>();
    __syncthreads();
    if (tile + gridDim.x < tiles.count) start(tile + gridDim.x, stage ^ 1);
    commit_copies();
    const float* dy = memory + stage * tiles.stage_floats;
    const float* x = dy + tiles.dy_floats;
    for (int step = group; step < tiles.steps(); step += groups) {
      int pixel = 8 * step + column;
      sums.add(dy + pixel * tiles.dy.pitch + 2 * row, tiles.dy.pitch, behind(x, pixels[pixel]),
               behind(x, pixels[pixel + 4]), offsets);
    }
  }
  int kernel = tiles.dy.channels * tiles.taps() * tiles.x.channels;
  float* to = parts + int64_t{static_cast<int>(blockIdx.x) * groups + group} * kernel;
  sums.each(row, column, [&](int place, int filter, float value) {
    int tap = (first_place + place) / tiles.x.chunk,
        channel = (first_place + place) % tiles.x.chunk + first_channel;
    if (tap < tiles.taps() && channel < tiles.x.channels && filter < tiles.dy.chunk &&
        first_filter + filter < tiles.dy.channels)
      to[((first_filter + filter) * tiles.taps() + tap) * tiles.x.channels + channel] = value;
  });
}

/// A part of `count` that is at most `most`, all about the same, of whole fours if there are several.
int64_t chunk_of(int64_t count, int64_t most) {
  int64_t parts = (count + most - 1) / most;
  return parts == 1 ? count : ((count + parts - 1) / parts + 3) / 4 * 4;
}

template <class Share>
bool gradient_by(GradientTiles tiles, int group_warps, const WindowGeometry& g, const Tensor& dkernel) {
  const Context& context = context_of(dkernel);
  constexpr size_t reserved = 2 << 10, noted = (most_tile_pixels + most_places) * sizeof(int);
  size_t stage_bytes = (context.shared_bytes() / Share::blocks - reserved - noted) / gradient_stages;
  int groups = Share::warps / group_warps;
  GradientBlock block{Share::filters,   8 * Share::tiles * group_warps,
                      groups,           Share::blocks * context.multiprocessors(),
                      most_tile_pixels, static_cast<int64_t>(stage_bytes / sizeof(float))};
  if (!cut_tiles(tiles, g, block)) return false;
  int chunks = tiles.x.chunks() * tiles.dy.chunks();
  int blocks = std::min(std::max(block.blocks / chunks, 1), tiles.count), parts = blocks * groups;
  Tensor sums =
      parts == 1 ? dkernel : Tensor::empty({parts, dkernel.elements()}, DType::f32, dkernel.device());
  launch_with_shared(context, kernel_gradient_tiles<Share>, dim3(blocks, chunks), Share::threads,
                     gradient_stages * tiles.stage_floats * sizeof(float) + noted, tiles, group_warps,
                     sums.mutable_data<float>());
  if (parts > 1) sum_rows<float>(sums, dkernel.mutable_data<float>());
  return true;
}

/// In 32 bits, and windows that reach over few pixels.
bool fits_tiles(const Tensor& x, const Tensor& dy, const WindowGeometry& g, const Tensor& dkernel) {
  constexpr int64_t longest = 256, most = int64_t{1} << 31;
  bool fits = g.groups == 1 && g.size[0] * g.size[1] <= most_places && x.shape().rows() < most &&
              dy.shape().rows() < most && dkernel.elements() < most && dy.elements() > 0;
  for (int axis = 0; axis < 2; ++axis)
    fits &= g.strides[axis] < longest && (g.size[axis] - 1) * g.dilation[axis] < longest;
  return fits && context_of(x).capability() >= 80;
}

}  // namespace

bool is_for_gradient_tiles(const WindowGeometry& g, int64_t filters) {
  constexpr int64_t few_pixels = int64_t{1} << 15, few_channels = 8;
  int64_t taps = g.size[0] * g.size[1], pixels = g.batch * g.output[0] * g.output[1];
  constexpr std::array<int64_t, 2> one{1, 1};
  if (g.groups != 1 || g.dilation != one) return false;
  bool is_dense = g.strides == one;
  if (taps == 1) return is_dense && filters < few_channels;
  // Else tiles have much of the picture twice.
  bool shares_little =
      is_dense || g.channels <= few_channels || (g.size[0] <= g.strides[0] && g.size[1] <= g.strides[1]);
  bool is_narrow = filters <= 64 || (filters <= 128 && pixels <= few_pixels);
  return shares_little && (filters <= 32 || (is_narrow && g.channels <= 128));
}

bool kernel_gradient_by_tiles(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                              const Tensor& dkernel) {
  constexpr int64_t most_channels = 128;
  if (!fits_tiles(x, dy, g, dkernel)) return false;
  int64_t taps = g.size[0] * g.size[1], filters = dy.shape()[3];
  int64_t most_chunk = std::min<int64_t>(most_places / taps, most_channels);
  int64_t channels = chunk_of(g.channels, most_chunk > 8 ? most_chunk / 8 * 8 : most_chunk);
  if (channels > most_chunk) return false;
  bool is_half = filters <= 32;
  GradientTiles tiles{};
  tiles.batch = static_cast<int>(g.batch);
  tiles.kernel_rows = static_cast<int>(g.size[0]), tiles.kernel_columns = static_cast<int>(g.size[1]);
  for (int axis = 0; axis < 2; ++axis) tiles.dilation[axis] = static_cast<int>(g.dilation[axis]);
  tiles.x = tile_operand(x, channels, g.strides, g.pad_before, 0);
  tiles.dy = tile_operand(dy, is_half ? filters : chunk_of(filters, 64), {1, 1}, {0, 0}, is_half ? 32 : 64);
  // The fewest warps that have all places together: a power of two.
  auto warps_of = [&](int tiles_a_warp) {
    auto places = static_cast<int>(taps * channels), a_warp = 8 * tiles_a_warp;
    return static_cast<int>(std::bit_ceil(static_cast<unsigned>((places + a_warp - 1) / a_warp)));
  };
  int of_five = warps_of(5), of_nine = warps_of(9);
  if (of_five <= 8 && 5 * of_five < 9 * of_nine)
    return is_half ? gradient_by<GradientShare<1, 5, 8, 2>>(tiles, of_five, g, dkernel)
                   : gradient_by<GradientShare<2, 5, 8, 1>>(tiles, of_five, g, dkernel);
  return is_half ? gradient_by<GradientShare<1, 9, 8, 2>>(tiles, of_nine, g, dkernel)
                 : gradient_by<GradientShare<2, 9, 8, 1>>(tiles, of_nine, g, dkernel);
}

}  // namespace manul::cuda
