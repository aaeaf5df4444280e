#include "ops/conv_window.h"

#include <algorithm>

#include "framework/cuda/async_copy.h"
#include "framework/cuda/column_sums.h"
#include "framework/cuda/launch.h"
#include "ops/conv_relu_pool_geometry.h"

// A block has the input rows under a few rows of pooled pixels in shared memory, a stage, and the next stage
// is on its way; the weights, or their gradients, stay in registers.
namespace manul::cuda {
namespace {

template <int kernel_, int channels_, int stride_>
struct Window {
  static constexpr int kernel = kernel_, channels = channels_, stride = stride_;
  static constexpr int run = kernel * channels, taps = kernel * run;
  /// The patch under one pooled pixel.
  static constexpr int patch_rows = stride + kernel, patch_run = (stride + kernel) * channels;
};

constexpr int window_threads = 256;

/// The stages of all pictures; a stage does not go over the end of a picture.
struct Stages {
  int count, a_picture, rows_a_stage;
  int pooled_height, pooled_width;
  int length4, pitch;  // of an input row: in memory, float4; in shared memory, floats
  int floats;          // of a stage in shared memory

  /// The first pooled row (of batch * pooled height) of a stage, and how many it has.
  __device__ int row(int stage) const {
    return stage / a_picture * pooled_height + stage % a_picture * rows_a_stage;
  }
  __device__ int rows(int stage) const {
    return min(pooled_height - stage % a_picture * rows_a_stage, rows_a_stage);
  }
};

/// Rows lie further apart than a multiple of the 32 banks of shared memory, so that lanes whose winners are
/// in different rows do not meet in one.
int shared_pitch(const ConvPoolGeometry& g) {
  return static_cast<int>((g.row_length() + 31) / 32 * 32 + 8);
}

size_t stage_bytes(const ConvPoolGeometry& g, int rows) {
  return size_t{sizeof(float)} * g.rows_below(rows) * shared_pitch(g);
}

/// As many rows a stage as cost least, where `slots` pixels are computed at a time and `least_stages` remain.
Stages cut_stages(const ConvPoolGeometry& g, int slots, int64_t least_stages) {
  constexpr size_t most_bytes = 24 << 10;
  constexpr double wait = 1.5;  // a stage's, in rounds of pixels
  int height = static_cast<int>(g.pooled_height), width = static_cast<int>(g.pooled_width), best = 1;
  double least = 0;
  for (int rows = 1; rows <= std::min(height, 8); ++rows) {
    int stages = (height + rows - 1) / rows;
    double cost = stages * ((rows * width + slots - 1) / slots + wait);
    if (rows > 1 && (stage_bytes(g, rows) > most_bytes || g.batch * stages < least_stages || cost >= least))
      continue;
    best = rows;
    least = cost;
  }
  int a_picture = (height + best - 1) / best;
  return {static_cast<int>(g.batch * a_picture),
          a_picture,
          best,
          height,
          width,
          static_cast<int>(g.row_length() / 4),
          shared_pitch(g),
          static_cast<int>(stage_bytes(g, best) / sizeof(float))};
}

/// Starts to copy a stage to shared memory, a warp a row.
__device__ void start_stage(const float* x, const ConvPoolGeometry& g, const Stages& stages, int stage,
                            float* to) {
  const float* from = x + g.first(stages.row(stage));
  int rows = g.rows_below(stages.rows(stage)), warps = blockDim.x / 32;
  for (int row = threadIdx.x / 32; row < rows; row += warps)
    for (int i = threadIdx.x % 32; i < stages.length4; i += 32)
      copy_async(to + row * stages.pitch + 4 * i, from + (int64_t{row} * stages.length4 + i) * 4, true);
}

/// The pooled pixels of a stage as one of `slots` lanes of pixels walks through them.
class PixelWalk {
 public:
  __device__ PixelWalk(int slot, int slots, int width)
      : width_(width),
        step_row_(slots / width),
        step_column_(slots % width),
        row(slot / width),
        column(slot % width) {}
  __device__ void next() {
    row += step_row_;
    column += step_column_;
    if (column >= width_) {
      column -= width_;
      ++row;
    }
  }

 private:
  int width_, step_row_, step_column_;

 public:
  int row, column;
};

/// Filters of one forward block. A lane has two of them, or four where the batch is large: each value that it
/// reads serves more products then, but fewer warps fit a multiprocessor.
constexpr int filters_a_block = 32;

/// The four convolution outputs of a pooled pixel for the filters of a lane, from its patch and the weights.
template <class Window, int filters>
__device__ void convolve_patch(const float* patch, int pitch, const float (&weight)[Window::taps][filters],
                               float (&sum)[4][filters]) {
#pragma unroll
  for (int r = 0; r < Window::patch_rows; ++r) {
    float line[Window::patch_run + Window::patch_run % 2];
    auto* pairs = reinterpret_cast<const float2*>(patch + r * pitch);
#pragma unroll
    for (int i = 0; i < (Window::patch_run + 1) / 2; ++i) {
      float2 pair = pairs[i];
      line[2 * i] = pair.x;
      line[2 * i + 1] = pair.y;
    }
#pragma unroll
    for (int oy = 0; oy < 2; ++oy) {
      int ky = r - oy * Window::stride;
      if (ky < 0 || ky >= Window::kernel) continue;
#pragma unroll
      for (int k = 0; k < Window::run; ++k)
#pragma unroll
        for (int ox = 0; ox < 2; ++ox)
#pragma unroll
          for (int f = 0; f < filters; ++f)
            sum[oy * 2 + ox][f] = fmaf(line[ox * Window::stride * Window::channels + k],
                                       weight[ky * Window::run + k][f], sum[oy * 2 + ox][f]);
    }
  }
}

struct Winner {
  float value = 0;
  int code = cut;
  __device__ void meet(float other, int position) {
    if (other > value) {
      value = other;
      code = position;
    }
  }
};

/// `count` neighbours, written at once.
template <class T, int count>
struct alignas(count * sizeof(T)) Vector {
  T values[count];
};

/// Block (x: stages, y: 32 filters).
template <class Window, int filters_a_lane>
__global__ void __launch_bounds__(512 / filters_a_lane, filters_a_lane == 2 ? 2 : 3)
    forward_window(const float* x, const float* kernel, const float* bias, ConvPoolGeometry g, Stages stages,
                   float* pooled, uint8_t* winner) {
  begin_kernel();
  constexpr int lanes_a_pixel = filters_a_block / filters_a_lane;
  __shared__ float weights[Window::taps][filters_a_block + 2];
  float *rows = dynamic_shared<float>(), *next_rows = rows + stages.floats;
  int stage = blockIdx.x;
  start_stage(x, g, stages, stage, rows);
  commit_copies();
  int filters = static_cast<int>(g.filters), first_filter = blockIdx.y * filters_a_block;
  for (int i = threadIdx.x; i < filters_a_block * Window::taps; i += blockDim.x) {
    int f = i / Window::taps;
    weights[i % Window::taps][f] =
        first_filter + f < filters ? kernel[first_filter * Window::taps + i] : 0.0f;
  }
  int lane = threadIdx.x % lanes_a_pixel * filters_a_lane, filter = first_filter + lane;
  bool inside = filter < filters;
  float offset[filters_a_lane];
#pragma unroll
  for (int f = 0; f < filters_a_lane; ++f) offset[f] = bias && inside ? bias[filter + f] : 0.0f;
  __syncthreads();
  float weight[Window::taps][filters_a_lane];
#pragma unroll
  for (int t = 0; t < Window::taps; ++t)
#pragma unroll
    for (int f = 0; f < filters_a_lane; ++f) weight[t][f] = weights[t][lane + f];
  PixelWalk start(threadIdx.x / lanes_a_pixel, blockDim.x / lanes_a_pixel, stages.pooled_width);
  int pixel_step = blockDim.x / lanes_a_pixel * filters;
  for (; stage < stages.count; stage += gridDim.x) {
    wait_for_copies<0>();
    __syncthreads();
    if (stage + gridDim.x < stages.count) start_stage(x, g, stages, stage + gridDim.x, next_rows);
    commit_copies();
    int stage_rows = stages.rows(stage);
    int64_t to =
        (int64_t{stages.row(stage)} * stages.pooled_width + threadIdx.x / lanes_a_pixel) * filters + filter;
    for (PixelWalk pixel = start; pixel.row < stage_rows; pixel.next(), to += pixel_step) {
      float sum[4][filters_a_lane];
#pragma unroll
      for (auto& line : sum)
#pragma unroll
        for (int f = 0; f < filters_a_lane; ++f) line[f] = offset[f];
      convolve_patch<Window>(
          rows + 2 * Window::stride * (pixel.row * stages.pitch + pixel.column * Window::channels),
          stages.pitch, weight, sum);
      Vector<float, filters_a_lane> values;
      Vector<uint8_t, filters_a_lane> codes;
#pragma unroll
      for (int f = 0; f < filters_a_lane; ++f) {
        Winner won;
#pragma unroll
        for (int q = 0; q < 4; ++q) won.meet(sum[q][f], q);
        values.values[f] = won.value;
        codes.values[f] = static_cast<uint8_t>(won.code);
      }
      if (!inside) continue;
      *reinterpret_cast<Vector<float, filters_a_lane>*>(pooled + to) = values;
      *reinterpret_cast<Vector<uint8_t, filters_a_lane>*>(winner + to) = codes;
    }
    float* used = rows;
    rows = next_rows;
    next_rows = used;
  }
}

/// Where the gradients go: sum s of filter f, the bias last.
struct StoreGradients {
  int taps;
  float *dkernel, *dbias;
  __device__ void operator()(int64_t f, int s, double sum) const {
    if (s == taps) {
      if (dbias) dbias[f] = static_cast<float>(sum);
    } else if (dkernel) {
      dkernel[f * taps + s] = static_cast<float>(sum);
    }
  }
};

/// Sums of all blocks, [filters / lanes][blocks][taps + 1][lanes].
struct Partial {
  float* data;
  int64_t blocks, filters;
  int lanes, sums;
  StoreGradients store;
  __device__ int64_t at(int64_t tile, int64_t block) const { return (tile * blocks + block) * lanes * sums; }
  // For column_sums: a block a row, all sums of all filters in a line.
  __device__ double operator()(int64_t block, int64_t column) const {
    return static_cast<double>(data[at(column / (lanes * sums), block) + column % (lanes * sums)]);
  }
  __device__ void operator()(int64_t column, double sum) const {
    finish(column / (lanes * sums), static_cast<int>(column % (lanes * sums)), sum);
  }
  __device__ void finish(int64_t tile, int place, double sum) const {
    int64_t f = tile * lanes + place % lanes;
    if (f < filters) store(f, place / lanes, sum);
  }
};

constexpr int backward_warps = window_threads / 32;

/// The gradient of what one pixel's winner saw, for one filter.
struct WinnerGradient {
  float gradient = 0;
  int code = 0;
};

/// Block (x: stages, y: `lanes` filters) adds the gradients of its pixels; a lane has a filter, a warp 32 /
/// lanes pixels. With `counters`, the last block of these filters adds what all blocks have.
template <class Window, int lanes>
__global__ void __launch_bounds__(window_threads, 3)
    backward_window(const float* x, const uint8_t* winner, const float* dpooled, ConvPoolGeometry g,
                    Stages stages, Partial partial, uint32_t* counters) {
  begin_kernel();
  constexpr int sums = Window::taps + 1, slots = window_threads / lanes;
  float *memory = dynamic_shared<float>(), *rows = memory, *next_rows = rows + stages.floats;
  int stage = blockIdx.x, slot = threadIdx.x / lanes;
  start_stage(x, g, stages, stage, rows);
  commit_copies();
  int filters = static_cast<int>(g.filters), filter = blockIdx.y * lanes + threadIdx.x % lanes;
  bool inside = filter < filters;
  PixelWalk start(slot, slots, stages.pooled_width);
  float sum[sums];
#pragma unroll
  for (float& value : sum) value = 0;
  for (; stage < stages.count; stage += gridDim.x) {
    int pixels = stages.rows(stage) * stages.pooled_width;
    int64_t from = (int64_t{stages.row(stage)} * stages.pooled_width + slot) * filters + filter;
    auto read = [&](int pixel, int64_t at) {
      WinnerGradient read;
      if (inside && pixel < pixels) {
        read = {dpooled[at], winner[at]};
        if (read.code == cut) read = {};
      }
      return read;
    };
    WinnerGradient next = read(slot, from);
    wait_for_copies<0>();
    __syncthreads();
    if (stage + gridDim.x < stages.count) start_stage(x, g, stages, stage + gridDim.x, next_rows);
    commit_copies();
    PixelWalk walk = start;
    for (int pixel = slot; pixel < pixels; pixel += slots, walk.next()) {
      WinnerGradient won = next;
      from += int64_t{slots} * filters;
      next = read(pixel + slots, from);
      const float* window = rows +
                            2 * Window::stride * (walk.row * stages.pitch + walk.column * Window::channels) +
                            (won.code / 2 * stages.pitch + won.code % 2 * Window::channels) * Window::stride;
#pragma unroll
      for (int ky = 0; ky < Window::kernel; ++ky)
#pragma unroll
        for (int k = 0; k < Window::run; ++k)
          sum[ky * Window::run + k] =
              fmaf(won.gradient, window[ky * stages.pitch + k], sum[ky * Window::run + k]);
      sum[Window::taps] += won.gradient;
    }
    float* used = rows;
    rows = next_rows;
    next_rows = used;
  }
  __syncthreads();
#pragma unroll
  for (int s = 0; s < sums; ++s) {
    float total = sum[s];
#pragma unroll
    for (int distance = 16; distance >= lanes; distance /= 2)
      total += __shfl_xor_sync(0xffffffffu, total, distance);
    if (threadIdx.x % 32 < lanes) memory[(threadIdx.x / 32 * sums + s) * lanes + threadIdx.x % 32] = total;
  }
  __syncthreads();
  float* to = partial.data + partial.at(blockIdx.y, blockIdx.x);
  for (int i = threadIdx.x; i < sums * lanes; i += window_threads) {
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < backward_warps; ++warp) total += memory[warp * sums * lanes + i];
    to[i] = total;
  }
  if (!counters || !is_last_block(counters + blockIdx.y, gridDim.x)) return;
  const float* parts = partial.data + partial.at(blockIdx.y, 0);
  int blocks = static_cast<int>(gridDim.x);
  for (int i = threadIdx.x; i < sums * lanes; i += window_threads) {
    constexpr int at_once = 32;  // the memory is far, and the block is alone
    double total = 0;
    for (int block = 0; block < blocks; block += at_once) {
      float read[at_once];
#pragma unroll
      for (int j = 0; j < at_once; ++j)
        read[j] = block + j < blocks ? __ldcg(parts + (block + j) * sums * lanes + i) : 0.0f;
#pragma unroll
      for (int j = 0; j < at_once; ++j) total += static_cast<double>(read[j]);
    }
    partial.finish(blockIdx.y, i, total);
  }
}

bool fits_windows(const Tensor& x, const ConvPoolGeometry& g) {
  return x.dtype() == DType::f32 && g.kernel_height == g.kernel_width && g.stride_y == g.stride_x &&
         g.row_length() % 4 == 0 && reinterpret_cast<uintptr_t>(x.raw()) % 16 == 0 && g.filters % 2 == 0 &&
         2 * stage_bytes(g, 1) <= most_shared_bytes - 4096 &&
         g.batch * g.pooled_height * g.pooled_width <= std::numeric_limits<int32_t>::max();
}

/// Calls use(Window{}) if a kernel was compiled for the window of `g`.
template <class Use>
bool with_window(const ConvPoolGeometry& g, const Use& use) {
  bool three_colours = g.kernel_height == 3 && g.channels == 3,
       grey = g.kernel_height == 3 && g.channels == 1;
  if (three_colours && g.stride_y == 1) return use(Window<3, 3, 1>{}), true;
  if (three_colours && g.stride_y == 2) return use(Window<3, 3, 2>{}), true;
  if (three_colours && g.stride_y == 3) return use(Window<3, 3, 3>{}), true;
  if (grey && g.stride_y == 1) return use(Window<3, 1, 1>{}), true;
  return false;
}

/// Blocks of `kernel` that a GPU runs at a time.
template <class... Parameters>
int64_t blocks_at_once(const Context& context, void (*kernel)(Parameters...), int threads,
                       size_t shared_bytes) {
  int blocks = 0;
  MANUL_CHECK_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, shared_bytes));
  return int64_t{std::max(blocks, 1)} * context.multiprocessors();
}

template <class Window, int filters_a_lane>
void forward_by(const Tensor& x, const Tensor& kernel, const Tensor& bias, const ConvPoolGeometry& g,
                const Tensor& pooled, const Tensor& winner) {
  const Context& context = context_of(x);
  constexpr int lanes_a_pixel = filters_a_block / filters_a_lane, most_threads = 512 / filters_a_lane;
  Stages stages = cut_stages(g, most_threads / lanes_a_pixel, 3 * context.multiprocessors());
  int64_t lanes = int64_t{stages.rows_a_stage} * g.pooled_width * lanes_a_pixel;
  int threads = static_cast<int>(std::clamp<int64_t>((lanes + 31) / 32 * 32, 64, most_threads));
  size_t bytes = 2 * stages.floats * sizeof(float);
  auto function = forward_window<Window, filters_a_lane>;
  dim3 grid(std::min(int64_t{stages.count}, blocks_at_once(context, function, threads, bytes)),
            blocks_for(g.filters, filters_a_block));
  launch_with_shared(context, function, grid, threads, bytes, x.data<float>(), kernel.data<float>(),
                     data_or_null<float>(bias), g, stages, pooled.mutable_data<float>(),
                     winner.mutable_data<uint8_t>());
}

/// The gradients of `g`'s window; `lanes` filters a block.
template <class Window, int lanes>
void backward_by(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const ConvPoolGeometry& g,
                 const StoreGradients& store) {
  const Context& context = context_of(x);
  constexpr int sums = Window::taps + 1;
  unsigned tiles = blocks_for(g.filters, lanes);
  // With few pixels the last block adds the sums of all: as many blocks as it can add fast.
  constexpr bool few = lanes < 32;
  Stages stages = cut_stages(g, window_threads / lanes,
                             few ? context.multiprocessors() / tiles : 4 * context.multiprocessors());
  size_t bytes = std::max<size_t>(2 * stages.floats, backward_warps * sums * lanes) * sizeof(float);
  auto kernel = backward_window<Window, lanes>;
  int64_t most = few ? std::max<int64_t>(2 * context.multiprocessors() / tiles, 1)
                     : blocks_at_once(context, kernel, window_threads, bytes);
  dim3 grid(std::min<int64_t>(stages.count, most), tiles);
  Tensor sums_of_blocks = Tensor::empty({int64_t{grid.x} * tiles, sums * lanes}, DType::f32, x.device());
  Partial partial{sums_of_blocks.mutable_data<float>(), grid.x, g.filters, lanes, sums, store};
  launch_with_shared(context, kernel, grid, window_threads, bytes, x.data<float>(), winner.data<uint8_t>(),
                     dpooled.data<float>(), g, stages, partial, few ? context.counters() : nullptr);
  if (!few) column_sums<double>(x, grid.x, int64_t{tiles} * sums * lanes, partial, partial);
}

}  // namespace

bool window_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& conv,
                    const Tensor& pooled, const Tensor& winner) {
  ConvPoolGeometry g = conv_pool_geometry(conv, kernel.shape()[0]);
  int64_t pixels = g.batch * g.pooled_height * g.pooled_width;
  constexpr int64_t least_for_four = 200000;
  return fits_windows(x, g) && with_window(g, [&](auto window) {
           if (g.filters % 4 == 0 && pixels >= least_for_four)
             forward_by<decltype(window), 4>(x, kernel, bias, g, pooled, winner);
           else
             forward_by<decltype(window), 2>(x, kernel, bias, g, pooled, winner);
         });
}

bool window_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled, const WindowGeometry& conv,
                     const Tensor& dkernel, const Tensor& dbias) {
  ConvPoolGeometry g = conv_pool_geometry(conv, dpooled.shape()[3]);
  StoreGradients store{g.taps(), mutable_data_or_null<float>(dkernel), mutable_data_or_null<float>(dbias)};
  constexpr int64_t most_few_pixels = 8192;
  return fits_windows(x, g) && with_window(g, [&](auto window) {
           if (g.batch * g.pooled_height * g.pooled_width <= most_few_pixels)
             backward_by<decltype(window), 8>(x, winner, dpooled, g, store);
           else
             backward_by<decltype(window), 32>(x, winner, dpooled, g, store);
         });
}

}  // namespace manul::cuda
