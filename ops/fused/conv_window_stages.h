#pragma once

#include <algorithm>
#include <limits>

#include "manul/framework/cuda/launch.h"
#include "manul/framework/cuda/product/async_copy.h"
#include "manul/ops/fused/conv_relu_pool_geometry.h"

// What the kernels of conv_window_*.cu share. A block has the input rows under a few rows of pooled pixels in
// shared memory, a stage, and the next stage is on its way; the weights, or their gradients, stay in
// registers.
namespace manul::cuda {

template <int kernel_, int channels_, int stride_>
struct Window {
  static constexpr int kernel = kernel_, channels = channels_, stride = stride_;
  static constexpr int run = kernel * channels, taps = kernel * run;
  /// The patch under one pooled pixel.
  static constexpr int patch_rows = stride + kernel, patch_run = (stride + kernel) * channels;
};

constexpr int window_threads = 256;
/// Blocks of a multiprocessor, in the backward and the TF32 kernels.
constexpr int window_blocks = 3;
/// Filters of one block of the forward kernels, and of the TF32 backward kernel.
constexpr int filters_a_block = 32;

/// The stages of all pictures; a stage does not go over the end of a picture.
struct Stages {
  int count, a_picture, rows_a_stage;
  int pooled_height, pooled_width;
  int length4, pitch;  // of an input row: in memory, float4; in shared memory, floats
  int floats;          // of a stage in shared memory

  int pooled_step;  // input float4 from one pooled row to the next
  int picture4;     // of a picture

  bool settled = false, weights_settled = false;  // the input, the weights may be read before begin_kernel()

  /// The first pooled row (of batch * pooled height) of a stage, and how many it has.
  __device__ int row(int stage) const {
    return stage / a_picture * pooled_height + stage % a_picture * rows_a_stage;
  }
  __device__ int rows(int stage) const {
    return min(pooled_height - stage % a_picture * rows_a_stage, rows_a_stage);
  }
  /// Element 0 of the input rows under a stage.
  __device__ int64_t first(int stage) const {
    return 4 * (int64_t{stage / a_picture} * picture4 + stage % a_picture * rows_a_stage * pooled_step);
  }
};

/// Rows lie further apart than a multiple of the 32 banks of shared memory, so that lanes whose winners are
/// in different rows do not meet in one.
inline int shared_pitch(const ConvPoolGeometry& g) {
  return static_cast<int>((g.row_length() + 31) / 32 * 32 + 8);
}

inline size_t stage_bytes(const ConvPoolGeometry& g, int rows) {
  return size_t{sizeof(float)} * g.rows_below(rows) * shared_pitch(g);
}

/// As many rows a stage as cost least, where a block computes `slots` pixels at a time, the GPU runs `blocks`
/// blocks, and each of them gets a stage.
inline Stages cut_stages(const ConvPoolGeometry& g, int slots, int64_t blocks) {
  constexpr size_t most_bytes = 24 << 10;
  constexpr double wait = 1.5;       // a stage's, in rounds of pixels
  constexpr double row_cost = 0.01;  // of everything: the copies of long stages come in bursts
  int height = static_cast<int>(g.pooled_height), width = static_cast<int>(g.pooled_width), best = 1;
  auto rounds = [&](int rows) { return (rows * width + slots - 1) / slots; };
  double least = 0;
  for (int rows = 1; rows <= std::min(height, 16); ++rows) {
    int a_picture = (height + rows - 1) / rows;
    int64_t stages = g.batch * a_picture;
    if (rows > 1 && (stage_bytes(g, rows) > most_bytes || stages < blocks)) break;
    double mean_rounds =
        static_cast<double>(height / rows * rounds(rows) + rounds(height % rows)) / a_picture;
    // Between the most that a block has and the mean: blocks beside one that is done run faster.
    double turns = (static_cast<double>((stages + blocks - 1) / blocks) +
                    static_cast<double>(stages) / static_cast<double>(blocks)) /
                   2;
    double cost = turns * (mean_rounds + wait) * (1 + row_cost * rows);
    if (rows > 1 && cost >= least) continue;
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
          static_cast<int>(stage_bytes(g, best) / sizeof(float)),
          static_cast<int>(2 * g.stride_y * g.row_length() / 4),
          static_cast<int>(g.height * g.row_length() / 4)};
}

/// Starts to copy a stage to shared memory, a warp a row.
__device__ inline void start_stage(const float* x, const ConvPoolGeometry& g, const Stages& stages, int stage,
                                   float* to) {
  const float* from = x + stages.first(stage);
  int rows = g.rows_below(stages.rows(stage)), warps = blockDim.x / 32;
  for (int row = threadIdx.x / 32; row < rows; row += warps)
    for (int i = threadIdx.x % 32; i < stages.length4; i += 32)
      copy_async(to + row * stages.pitch + 4 * i, from + (row * stages.length4 + i) * 4, true);
}

/// Begins the kernel, and starts to copy the first stage, before if it may.
__device__ inline void begin_with_stage(const float* x, const ConvPoolGeometry& g, const Stages& stages,
                                        int stage, float* to) {
  if (stages.settled && stage < stages.count) start_stage(x, g, stages, stage, to);
  begin_kernel();
  if (!stages.settled && stage < stages.count) start_stage(x, g, stages, stage, to);
  commit_copies();
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

inline bool fits_windows(const Tensor& x, const ConvPoolGeometry& g) {
  return x.dtype() == DType::f32 && g.kernel_height == g.kernel_width && g.stride_y == g.stride_x &&
         g.row_length() % 4 == 0 && is_aligned(x) && g.filters % 2 == 0 &&
         2 * stage_bytes(g, 1) <= most_shared_bytes - 4096 &&
         g.batch * g.pooled_height * g.pooled_width <= std::numeric_limits<int32_t>::max() &&
         g.height * g.row_length() <= std::numeric_limits<int32_t>::max();
}

/// Whether the TF32 kernels can and may do it, and there is enough to do for them.
inline bool pays_in_tf32(const Tensor& x, const ConvPoolGeometry& g) {
  constexpr int64_t least_pixels = 16384;
  return tf32() && context_of(x).capability() >= 80 && fits_windows(x, g) && g.filters % 8 == 0 &&
         g.batch * g.pooled_height * g.pooled_width >= least_pixels;
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
  allow_shared_bytes(kernel, shared_bytes);
  MANUL_CHECK_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, shared_bytes));
  return int64_t{std::max(blocks, 1)} * context.multiprocessors();
}

/// Block (x: stages, y: filters_a_block filters), two stages in shared memory.
using ForwardKernel = void(const float* x, const float* kernel, const float* bias, ConvPoolGeometry g,
                           Stages stages, float* pooled, uint8_t* winner);

inline void launch_forward(ForwardKernel* function, int threads, const Tensor& x, const Tensor& kernel,
                           const Tensor& bias, const ConvPoolGeometry& g, Stages stages, const Tensor& pooled,
                           const Tensor& winner) {
  const Context& context = context_of(x);
  stages.settled = is_settled(x);
  stages.weights_settled = is_settled(kernel);
  size_t bytes = 2 * stages.floats * sizeof(float);
  dim3 grid(std::min(int64_t{stages.count}, blocks_at_once(context, function, threads, bytes)),
            blocks_for(g.filters, filters_a_block));
  launch_with_shared(context, function, grid, threads, bytes, x.data<float>(), kernel.data<float>(),
                     data_or_null<float>(bias), g, stages, pooled.mutable_data<float>(),
                     winner.mutable_data<uint8_t>());
}

}  // namespace manul::cuda
