#pragma once

#include <algorithm>

#include "manul/framework/cuda/divider.h"
#include "manul/framework/cuda/launch.h"
#include "manul/framework/cuda/product/async_copy.h"
#include "manul/ops/conv/window.h"

// How the pixels of a convolution's kernel gradient are cut into tiles that fit a block's shared memory; for
// .cu files.
namespace manul::cuda {

/// A tensor [batch, rows, columns, channels] of which a block has, for a tile of output pixels, what it
/// needs: the pixels of the tile themselves or those under its windows, and of them a chunk of the channels.
struct TileOperand {
  const float* data;
  int rows, columns, channels;
  int chunk;
  /// The tile whose first output is (y, x) begins at (y, x) * step - before.
  int step[2], before[2];
  /// Of one picture of a tile.
  int tile_rows, tile_columns;
  /// From pixel to pixel in shared memory, floats.
  int pitch;
  /// Floats that are copied at once.
  int width;
  Divider<uint32_t> by_tile_rows{1};

  __host__ __device__ int chunks() const { return (channels + chunk - 1) / chunk; }
  __device__ int first_float(int picture, int row, int column) const {
    return ((picture * tile_rows + row) * tile_columns + column) * pitch;
  }
};

/// Where the first output of a tile lies.
struct TileOrigin {
  int picture, row, column;
};

struct GradientTiles {
  int batch, kernel_rows, kernel_columns, dilation[2];
  TileOperand x, dy;
  // Of a tile: pictures, and rows and columns of output pixels.
  int pictures, rows, columns;
  // How many tiles a picture has, and how many there are.
  int down, across, count;
  // Of a tile in shared memory: first dy, then x.
  int dy_floats, stage_floats;

  __host__ __device__ int pixels() const { return pictures * rows * columns; }
  /// Eight pixels each, for the tensor cores.
  __host__ __device__ int steps() const { return (pixels() + 7) / 8; }
  __host__ __device__ int taps() const { return kernel_rows * kernel_columns; }
  __device__ TileOrigin origin(int tile) const {
    int line = tile / across;
    return {line / down * pictures, line % down * rows, tile % across * columns};
  }
};

/// Which of the pixels that a warp copies at once a lane has, and which of their floats, `width` at once.
template <int width>
struct TileLane {
  int pixel, at_once, channel;
  __device__ explicit TileLane(const TileOperand& o) {
    int packs = o.chunk / width, lane = threadIdx.x % 32;
    at_once = max(32 / packs, 1);
    pixel = packs < 32 ? lane / packs : 0;
    channel = (lane - pixel * packs) * width;
  }
};

/// Copies rows of a tile's pictures, a warp a row; zeros beside the pictures. `first` is the first row of the
/// calling warp.
template <int width>
__device__ void start_tile_rows(const TileOperand& o, const TileOrigin& tile, int pictures, int batch,
                                int first_channel, int first, float* to) {
  TileLane<width> lane(o);
  if (lane.pixel >= lane.at_once) return;
  int channels = min(o.chunk, o.channels - first_channel);
  int first_row = tile.row * o.step[0] - o.before[0], first_column = tile.column * o.step[1] - o.before[1];
  for (int row = first; row < pictures * o.tile_rows; row += blockDim.x / 32) {
    Division<uint32_t> place = o.by_tile_rows(row);
    int picture = tile.picture + place.quotient, y = first_row + place.remainder;
    int columns = picture < batch && y >= 0 && y < o.rows ? o.columns : 0;
    const float* line = o.data + (int64_t{picture} * o.rows + y) * o.columns * o.channels + first_channel;
    for (int channel = lane.channel; channel < channels; channel += 32 * width) {
      float* pixel_to = to + (row * o.tile_columns + lane.pixel) * o.pitch + channel;
      int column = first_column + lane.pixel, end = first_column + o.tile_columns;
      const float* from = line + int64_t{column} * o.channels + channel;
      for (; column < end; column += lane.at_once) {
        copy_async<width>(pixel_to, from, static_cast<unsigned>(column) < static_cast<unsigned>(columns));
        pixel_to += lane.at_once * o.pitch, from += lane.at_once * o.channels;
      }
    }
  }
}

__device__ inline void start_tile(const TileOperand& o, const TileOrigin& tile, int pictures, int batch,
                                  int first_channel, int first, float* to) {
  if (o.width == 4)
    start_tile_rows<4>(o, tile, pictures, batch, first_channel, first, to);
  else
    start_tile_rows<1>(o, tile, pictures, batch, first_channel, first, to);
}

/// How a block works on its tiles.
struct GradientBlock {
  int filters, places;   // places: of [tap, channel]
  int groups;            // of warps, which share the pixels
  int blocks;            // that work at a time, of all multiprocessors
  int most_pixels;       // of a tile
  int64_t stage_floats;  // that fit
};

/// Pixels next to each other lie so far apart in shared memory that four of them, eight floats each, are in
/// different banks. Single floats lie as they are: their pixels are short.
inline int pitch_of(int chunk, int step, int width) {
  if (width == 1) return chunk;
  int pitch = (chunk + 3) / 4 * 4;
  for (int more = 0; more < 16; more += 4)
    if ((pitch + more) * step % 16 == 8) return pitch + more;
  return pitch;
}

inline TileOperand tile_operand(const Tensor& t, int64_t chunk, const std::array<int64_t, 2>& step,
                                const std::array<int64_t, 2>& before, int least_pitch) {
  TileOperand o{};
  const Shape& shape = t.shape();
  o.data = t.data<float>();
  o.rows = static_cast<int>(shape[1]), o.columns = static_cast<int>(shape[2]);
  o.channels = static_cast<int>(shape[3]), o.chunk = static_cast<int>(chunk);
  o.width = o.channels % 4 == 0 && o.chunk % 4 == 0 && is_aligned(t) ? 4 : 1;
  for (int axis = 0; axis < 2; ++axis)
    o.step[axis] = static_cast<int>(step[axis]), o.before[axis] = static_cast<int>(before[axis]);
  o.pitch = least_pitch > 0 ? pitch_of(std::max(o.chunk, least_pitch), o.step[1], 4)
                            : pitch_of(o.chunk, o.step[1], o.width);
  return o;
}

/// Sets the shape of the tiles and what follows from it; false if they are too large for `block`.
inline bool set_tile(GradientTiles& tiles, const WindowGeometry& g, const GradientBlock& block, int pictures,
                     int rows, int columns) {
  tiles.pictures = pictures, tiles.rows = rows, tiles.columns = columns;
  tiles.down = (static_cast<int>(g.output[0]) + rows - 1) / rows;
  tiles.across = (static_cast<int>(g.output[1]) + columns - 1) / columns;
  tiles.count = (tiles.batch + pictures - 1) / pictures * tiles.down * tiles.across;
  tiles.dy.tile_rows = rows, tiles.dy.tile_columns = columns;
  auto under = [&](int axis, int outputs) {
    return static_cast<int>((outputs - 1) * g.strides[axis] + (g.size[axis] - 1) * g.dilation[axis] + 1);
  };
  tiles.x.tile_rows = under(0, rows), tiles.x.tile_columns = under(1, columns);
  for (TileOperand* o : {&tiles.x, &tiles.dy}) o->by_tile_rows = Divider<uint32_t>(o->tile_rows);
  int64_t dy_floats = int64_t{tiles.steps()} * 8 * tiles.dy.pitch;
  int64_t x_floats = int64_t{pictures} * tiles.x.tile_rows * tiles.x.tile_columns * tiles.x.pitch;
  int64_t stage_floats = dy_floats + (x_floats + 3) / 4 * 4;
  if (tiles.pixels() > block.most_pixels || stage_floats > block.stage_floats) return false;
  tiles.dy_floats = static_cast<int>(dy_floats), tiles.stage_floats = static_cast<int>(stage_floats);
  return true;
}

/// About the cycles that a block takes which has the most tiles, on an H200: to choose by.
inline double cycles_of(const GradientTiles& tiles, const GradientBlock& block) {
  constexpr double a_tile = 400, a_product = 1.6, a_copy = 0.25;
  int steps = (tiles.steps() + block.groups - 1) / block.groups * block.groups;
  double products = steps * (block.filters / 16.0) * (block.places / 8.0), copies = 0;
  for (const TileOperand* o : {&tiles.x, &tiles.dy})
    copies += 1.0 * tiles.pictures * o->tile_rows * o->tile_columns * o->chunk / o->width;
  int blocks = std::max(block.blocks / (tiles.x.chunks() * tiles.dy.chunks()), 1);
  return (tiles.count + blocks - 1) / blocks * (a_tile + products * a_product + copies * a_copy);
}

/// Sets the shape of the tiles that takes the fewest cycles; false if not even a row of a few pixels fits.
inline bool cut_tiles(GradientTiles& tiles, const WindowGeometry& g, const GradientBlock& block) {
  constexpr int fewest_columns = 8, most_columns = 64;
  auto height = static_cast<int>(g.output[0]), width = static_cast<int>(g.output[1]);
  double least = 0;
  GradientTiles best;
  auto consider = [&](int pictures, int rows, int columns) {
    if (!set_tile(tiles, g, block, pictures, rows, columns)) return;
    double cycles = cycles_of(tiles, block);
    if (least > 0 && cycles >= least) return;
    least = cycles;
    best = tiles;
  };
  int last = 0;
  for (int across = (width + most_columns - 1) / most_columns; across <= width; ++across) {
    int columns = (width + across - 1) / across;
    if (columns < fewest_columns && least > 0) break;
    if (columns == last) continue;
    last = columns;
    for (int rows = std::min(height, block.most_pixels / columns); rows > 0; --rows)
      consider(1, rows, columns);
  }
  int64_t most_pictures = block.most_pixels / (int64_t{height} * width);
  for (int pictures = static_cast<int>(std::min<int64_t>(tiles.batch, most_pictures)); pictures > 1;
       --pictures)
    consider(pictures, height, width);
  if (least > 0) tiles = best;
  return least > 0;
}

}  // namespace manul::cuda
