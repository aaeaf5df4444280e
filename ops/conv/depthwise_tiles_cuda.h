#pragma once

#include "manul/framework/cuda/column_sums.h"
#include "manul/ops/conv/window.h"
#include "manul/ops/fused/fused_in_normalization.h"

// Depthwise convolutions of 3x3 and 5x5 windows, strides 1 and 2, in f32, of tensors of f32 or bf16 (T), for
// .cu files: a thread has four channels of a few neighbouring pixels and keeps what its taps share in
// registers. A block has 32 channels (a cache line of a pixel) of 32 such groups of pixels, which lie side by
// side, so that the rows that they share are read from its multiprocessor's cache. All indices are of 32
// bits.
namespace manul::cuda {

constexpr int tile_packs = 8, tile_lanes = 32, tile_threads = tile_packs * tile_lanes;
constexpr int tile_channels = 4 * tile_packs;
constexpr int tile_columns = 4;  // pixels of a thread along a row

struct PictureSize {
  int height, width;
};

/// How pictures are divided among threads: into bands of rows, those into strips of tile_columns columns.
struct Tiling {
  Tiling(const WindowGeometry& g, int64_t rows, int64_t rows_a_band, int64_t columns)
      : channels(static_cast<int>(g.channels)),
        bands(static_cast<int>((rows + rows_a_band - 1) / rows_a_band)),
        strips(static_cast<int>((columns + tile_columns - 1) / tile_columns)),
        units(static_cast<int>(g.batch * bands * strips)),
        tiles(static_cast<int>((g.channels + tile_channels - 1) / tile_channels)) {}
  int channels, bands, strips;
  int units;  // strips of all pictures
  int tiles;  // of channels
};

/// Where a unit lies.
struct TilePlace {
  int picture, band, strip;
};
__device__ inline TilePlace place_of(const Tiling& tiling, int unit) {
  int line = unit / tiling.strips;
  return {line / tiling.bands, line % tiling.bands, unit % tiling.strips};
}

__device__ inline float4 load_pack(const float* from) {
  return *reinterpret_cast<const float4*>(from);
}
__device__ inline void store_pack(float* to, const float4& value) {
  *reinterpret_cast<float4*>(to) = value;
}
struct alignas(8) Bf16Quad {
  bfloat16 x, y, z, w;
};
__device__ inline float4 load_pack(const bfloat16* from) {
  Bf16Quad quad = *reinterpret_cast<const Bf16Quad*>(from);
  return {quad.x, quad.y, quad.z, quad.w};
}
__device__ inline void store_pack(bfloat16* to, const float4& value) {
  *reinterpret_cast<Bf16Quad*>(to) =
      Bf16Quad{bfloat16(value.x), bfloat16(value.y), bfloat16(value.z), bfloat16(value.w)};
}
__device__ inline void add_product(float4& sum, const float4& a, const float4& b) {
  sum.x += a.x * b.x;
  sum.y += a.y * b.y;
  sum.z += a.z * b.z;
  sum.w += a.w * b.w;
}

/// `count` pixels of a row that begins at `line`, from column `first` on; zero where there is none.
template <int count, class T>
__device__ void load_row(const T* line, int channels, int first, int width, float4 (&row)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i) {
    int column = first + i;
    row[i] = column >= 0 && column < width ? load_pack(line + column * channels) : float4{0, 0, 0, 0};
  }
}

/// What is done to pixels on the way: before they are multiplied, and to what is written. Activations of
/// pointwise::FusedInNormalization, which leave the zeros of a border zeros.
struct OnTheWay {
  Activation before = Activation::linear, after = Activation::linear;
};

template <Activation activation>
__device__ void activate_pack(float4& value) {
  auto function = pointwise::activation_function<activation, float>();
  value = {function.value(value.x), function.value(value.y), function.value(value.z),
           function.value(value.w)};
}
template <Activation... activations>
__device__ void activate_pack(Activation wanted, float4& value, pointwise::ActivationList<activations...>) {
  ((wanted == activations && (activate_pack<activations>(value), true)) || ...);
}
template <int count>
__device__ void activate_packs(Activation wanted, float4 (&values)[count]) {
  if (wanted == Activation::linear) return;
#pragma unroll
  for (int i = 0; i < count; ++i) activate_pack(wanted, values[i], pointwise::FusedInNormalization{});
}

constexpr int band_rows = 2;  // of a thread in the kernels that write pictures

/// Writes the values of a thread's pixels from (top, left) on, as far as they lie on the picture.
template <class T>
__device__ void store_band(T* picture, const PictureSize& size, int channels, int top, int left,
                           const float4 (&values)[band_rows][tile_columns]) {
#pragma unroll
  for (int q = 0; q < band_rows; ++q)
#pragma unroll
    for (int p = 0; p < tile_columns; ++p) {
      int row = top + q, column = left + p;
      if (row >= 0 && row < size.height && column >= 0 && column < size.width)
        store_pack(picture + (row * size.width + column) * channels, values[q][p]);
    }
}

/// y = bias + the correlation of x with the kernel [size][size][channels], `flipped`: with the kernel the
/// other way round, and what is done `on_the_way`. Output (row, column) begins to read at (row * stride -
/// top, column * stride - left).
template <int size, int stride, bool flipped, class T>
__global__ void __launch_bounds__(tile_threads, 2)
    correlate_tiles(const T* x, PictureSize input, const T* kernel, const T* bias, Tiling tiling,
                    PictureSize output, int top, int left, OnTheWay on_the_way, T* y) {
  begin_kernel();
  constexpr int reach = (tile_columns - 1) * stride + size, reads = (band_rows - 1) * stride + size;
  int block = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  int channel = block % tiling.tiles * tile_channels + thread % tile_packs * 4;
  int unit = block / tiling.tiles * tile_lanes + thread / tile_packs;
  if (channel >= tiling.channels || unit >= tiling.units) return;
  TilePlace place = place_of(tiling, unit);
  int first_row = place.band * band_rows, first_column = place.strip * tile_columns;
  const T* picture = x + place.picture * input.height * input.width * tiling.channels + channel;
  float4 offset = bias ? load_pack(bias + channel) : float4{0, 0, 0, 0};
  float4 sums[band_rows][tile_columns];
#pragma unroll
  for (int q = 0; q < band_rows; ++q)
#pragma unroll
    for (int p = 0; p < tile_columns; ++p) sums[q][p] = offset;
#pragma unroll
  for (int r = 0; r < reads; ++r) {
    int iy = first_row * stride - top + r;
    if (iy < 0 || iy >= input.height) continue;
    float4 row[reach];
    load_row(picture + iy * input.width * tiling.channels, tiling.channels, first_column * stride - left,
             input.width, row);
    activate_packs(on_the_way.before, row);
#pragma unroll
    for (int q = 0; q < band_rows; ++q) {
      int ky = r - q * stride;  // known to the compiler, as all but the places are
      if (ky < 0 || ky >= size) continue;
#pragma unroll
      for (int kx = 0; kx < size; ++kx) {
        int tap = ky * size + kx;
        float4 weight =
            load_pack(kernel + (flipped ? size * size - 1 - tap : tap) * tiling.channels + channel);
#pragma unroll
        for (int p = 0; p < tile_columns; ++p) add_product(sums[q][p], row[p * stride + kx], weight);
      }
    }
  }
#pragma unroll
  for (int q = 0; q < band_rows; ++q) activate_packs(on_the_way.after, sums[q]);
  store_band(y + place.picture * output.height * output.width * tiling.channels + channel, output,
             tiling.channels, first_row, first_column, sums);
}

/// The gradient of the input of a convolution with strides of 2: dx(i) = the sum of dy((i + pad - k) / 2) *
/// kernel(k) over the k that leave no rest. A thread begins where i + pad is even, so that it is known which.
template <int size, class T>
__global__ void __launch_bounds__(tile_threads, 2)
    spread_tiles(const T* dy, PictureSize output, const T* kernel, Tiling tiling, PictureSize input, int top,
                 int left, T* dx) {
  begin_kernel();
  constexpr int before = size / 2;  // outputs before the thread's own that read its pixels
  static_assert(band_rows == 2 && tile_columns == 4 && size % 2 == 1);
  int block = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  int channel = block % tiling.tiles * tile_channels + thread % tile_packs * 4;
  int unit = block / tiling.tiles * tile_lanes + thread / tile_packs;
  if (channel >= tiling.channels || unit >= tiling.units) return;
  TilePlace place = place_of(tiling, unit);
  int first_row = place.band * band_rows - top % 2, first_column = place.strip * tile_columns - left % 2;
  int own_row = (first_row + top) / 2, own_column = (first_column + left) / 2;  // outputs, without a rest
  const T* picture = dy + place.picture * output.height * output.width * tiling.channels + channel;
  float4 sums[band_rows][tile_columns] = {};
#pragma unroll
  for (int r = 0; r <= before; ++r) {
    int oy = own_row + r - before;
    if (oy < 0 || oy >= output.height) continue;
    float4 row[before + 2];  // outputs own_column - before .. own_column + 1
    load_row(picture + oy * output.width * tiling.channels, tiling.channels, own_column - before,
             output.width, row);
#pragma unroll
    for (int q = 0; q < band_rows; ++q) {
      int ky = q - 2 * (r - before);  // never negative
      if (ky >= size) continue;
#pragma unroll
      for (int kx = 0; kx < size; ++kx) {
        float4 weight = load_pack(kernel + (ky * size + kx) * tiling.channels + channel);
#pragma unroll
        for (int p = 0; p < tile_columns; ++p)
          if ((p - kx) % 2 == 0) add_product(sums[q][p], row[(p - kx) / 2 + before], weight);
      }
    }
  }
  store_band(dx + place.picture * input.height * input.width * tiling.channels + channel, input,
             tiling.channels, first_row, first_column, sums);
}

/// parts[chunk][tap][channel] = the sum over a chunk of the units (a strip of one output row each) of dy
/// times the input under the tap. The order of the sums is fixed: a thread's units, lanes, warps.
template <int size, int stride, class T>
__global__ void __launch_bounds__(tile_threads, size == 3 ? 2 : 1)
    kernel_gradient_tiles(const T* x, const T* dy, PictureSize input, PictureSize output, Tiling tiling,
                          int units_a_chunk, int top, int left, float* parts) {
  begin_kernel();
  constexpr int taps = size * size, warps = tile_threads / 32;
  constexpr int reach = (tile_columns - 1) * stride + size;
  __shared__ float4 shared[warps][taps][tile_packs];
  int thread = static_cast<int>(threadIdx.x), pack = thread % tile_packs;
  int first_channel = static_cast<int>(blockIdx.x) * tile_channels, channel = first_channel + 4 * pack;
  int chunk = static_cast<int>(blockIdx.y), begin = chunk * units_a_chunk;
  int end = min(begin + units_a_chunk, tiling.units);
  float4 sums[size][size] = {};
  if (channel < tiling.channels)
    for (int unit = begin + thread / tile_packs; unit < end; unit += tile_lanes) {
      TilePlace place = place_of(tiling, unit);  // a band is a row
      int column = place.strip * tile_columns, count = output.width - column;
      const T* gradients =
          dy + (place.picture * output.height + place.band) * output.width * tiling.channels + channel;
      const T* picture = x + place.picture * input.height * input.width * tiling.channels + channel;
      float4 arrived[tile_columns];
      load_row(gradients, tiling.channels, column, output.width, arrived);
#pragma unroll
      for (int ky = 0; ky < size; ++ky) {
        int iy = place.band * stride - top + ky;
        if (iy < 0 || iy >= input.height) continue;
        float4 row[reach];
        load_row(picture + iy * input.width * tiling.channels, tiling.channels, column * stride - left,
                 input.width, row);
#pragma unroll
        for (int p = 0; p < tile_columns; ++p) {
          if (p >= count) continue;  // what lies there belongs to no output, and may be infinite
#pragma unroll
          for (int kx = 0; kx < size; ++kx) add_product(sums[ky][kx], arrived[p], row[p * stride + kx]);
        }
      }
    }
    // The lanes of a warp that have the same channels lie tile_packs threads apart.
#pragma unroll
  for (int tap = 0; tap < taps; ++tap) {
    float4 sum = sums[tap / size][tap % size];
#pragma unroll
    for (int distance = tile_packs; distance < 32; distance *= 2) {
      sum.x += __shfl_xor_sync(0xffffffffu, sum.x, distance);
      sum.y += __shfl_xor_sync(0xffffffffu, sum.y, distance);
      sum.z += __shfl_xor_sync(0xffffffffu, sum.z, distance);
      sum.w += __shfl_xor_sync(0xffffffffu, sum.w, distance);
    }
    if (thread % 32 < tile_packs) shared[thread / 32][tap][pack] = sum;
  }
  __syncthreads();
  const float* sums_of_warps = reinterpret_cast<const float*>(shared);
  for (int i = thread; i < taps * tile_channels; i += tile_threads) {
    int tap = i / tile_channels, to_channel = first_channel + i % tile_channels;
    if (to_channel >= tiling.channels) continue;
    double total = 0;
    for (int warp = 0; warp < warps; ++warp)
      total += static_cast<double>(sums_of_warps[warp * taps * tile_channels + i]);
    parts[(chunk * taps + tap) * tiling.channels + to_channel] = static_cast<float>(total);
  }
}

/// Calls function(size, stride), both as std::integral_constant, if there are tiles for this window;
/// otherwise false.
template <class Function>
bool visit_tiled_window(const WindowGeometry& g, const Function& function) {
  if (g.size[0] != g.size[1] || g.strides[0] != g.strides[1] || g.dilation[0] != 1 || g.dilation[1] != 1)
    return false;
  int64_t size = g.size[0], stride = g.strides[0];
  if ((size != 3 && size != 5) || (stride != 1 && stride != 2)) return false;
  auto with_stride = [&](auto constant_size) {
    if (stride == 1)
      function(constant_size, std::integral_constant<int, 1>());
    else
      function(constant_size, std::integral_constant<int, 2>());
  };
  if (size == 3)
    with_stride(std::integral_constant<int, 3>());
  else
    with_stride(std::integral_constant<int, 5>());
  return true;
}

inline PictureSize picture_size(const std::array<int64_t, 2>& size) {
  return {static_cast<int>(size[0]), static_cast<int>(size[1])};
}
inline dim3 tile_grid(const Tiling& tiling) {
  return dim3(blocks_for(tiling.units, tile_lanes) * static_cast<unsigned>(tiling.tiles));
}

/// Each of these returns false, and does nothing, if there are no tiles for the window. The channels are a
/// multiple of 4, each with one kernel; pointers are aligned to four elements.
template <class T>
bool depthwise_forward_by_tiles(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                const WindowGeometry& g, const Tensor& y, const OnTheWay& on_the_way = {}) {
  return visit_tiled_window(g, [&](auto size, auto stride) {
    Tiling tiling(g, g.output[0], band_rows, g.output[1]);
    launch(context_of(x), correlate_tiles<size, stride, false, T>, tile_grid(tiling), tile_threads,
           x.data<T>(), picture_size(g.input), kernel.data<T>(), data_or_null<T>(bias), tiling,
           picture_size(g.output), static_cast<int>(g.pad_before[0]), static_cast<int>(g.pad_before[1]),
           on_the_way, y.mutable_data<T>());
  });
}

template <class T>
bool depthwise_backward_input_by_tiles(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g,
                                       const Tensor& dx) {
  return visit_tiled_window(g, [&](auto size, auto stride) {
    int top = static_cast<int>(g.pad_before[0]), left = static_cast<int>(g.pad_before[1]);
    if constexpr (stride == 1) {
      Tiling tiling(g, g.input[0], band_rows, g.input[1]);
      launch(context_of(dy), correlate_tiles<size, 1, true, T>, tile_grid(tiling), tile_threads, dy.data<T>(),
             picture_size(g.output), kernel.data<T>(), static_cast<const T*>(nullptr), tiling,
             picture_size(g.input), size - 1 - top, size - 1 - left, OnTheWay(), dx.mutable_data<T>());
    } else {
      // Where the padding is odd, the first row or column of a thread lies before the picture.
      Tiling tiling(g, g.input[0] + top % 2, band_rows, g.input[1] + left % 2);
      launch(context_of(dy), spread_tiles<size, T>, tile_grid(tiling), tile_threads, dy.data<T>(),
             picture_size(g.output), kernel.data<T>(), tiling, picture_size(g.input), top, left,
             dx.mutable_data<T>());
    }
  });
}

template <class T>
bool depthwise_backward_kernel_by_tiles(const Tensor& x, const Tensor& dy, const WindowGeometry& g,
                                        const Tensor& dkernel) {
  constexpr int64_t most_blocks = 1056;  // four times what 132 multiprocessors hold at once
  constexpr int64_t least_units = 4 * tile_lanes;
  return visit_tiled_window(g, [&](auto size, auto stride) {
    Tiling tiling(g, g.output[0], 1, g.output[1]);
    int64_t most_chunks = std::max<int64_t>(most_blocks / std::max(tiling.tiles, 1), 1);
    int64_t units_a_chunk = std::max((tiling.units + most_chunks - 1) / most_chunks, least_units);
    int64_t chunks = std::max<int64_t>(blocks_for(tiling.units, units_a_chunk), 1);
    int64_t columns = dkernel.elements();
    Tensor parts = Tensor::empty({chunks, columns}, DType::f32, dy.device());
    launch(context_of(dy), kernel_gradient_tiles<size, stride, T>,
           dim3(static_cast<unsigned>(tiling.tiles), static_cast<unsigned>(chunks)), tile_threads,
           x.data<T>(), dy.data<T>(), picture_size(g.input), picture_size(g.output), tiling,
           static_cast<int>(units_a_chunk), static_cast<int>(g.pad_before[0]),
           static_cast<int>(g.pad_before[1]), parts.mutable_data<float>());
    column_sums<double>(dy, chunks, columns, MatrixElement<float>{parts.data<float>(), columns},
                        StoreSum<T>{dkernel.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
