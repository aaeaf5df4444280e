#include "data/augment.h"
#include "framework/cuda/launch.h"
#include "framework/step.h"

// Compiled without fused multiply-add: the arithmetic of positions is the CPU's, operation by operation.
namespace manul::cuda {
namespace {

constexpr int threads = 256;
constexpr int least_pixels_a_block = 512;

struct Batch {
  const StepState* state;
  const uint8_t* pictures;
  const int32_t *order, *rows, *labels;
  bool plain;
  int height, width, channels;
  int pixels_a_block;
  AugmentOptions options;
  float* to;
  int32_t* to_labels;

  __device__ int64_t picture_elements() const { return int64_t{height} * width * channels; }
  __device__ int32_t sample(int64_t k) const { return order[state->position + k]; }
  __device__ int64_t row(int64_t k) const { return rows[state->position + k]; }
  __device__ Transform transform(int64_t k) const {
    return plain ? Transform{} : draw_transform(options, state->seed, state->epoch, sample(k), height, width);
  }
  __device__ float rescale() const { return options.rescale != 0 ? options.rescale : 1.0f; }
};

struct Plan {
  Transform transform;
  AffineMap map;
  bool identity;
  float scale;
};

__device__ Plan plan_of(const Batch& batch, int64_t k) {
  Plan plan;
  plan.transform = batch.transform(k);
  plan.identity = plan.transform.affine.is_identity();
  plan.map = make_affine_map(plan.transform.affine, batch.height, batch.width);
  bool pointwise = plan.transform.has_channel_shift || plan.transform.has_brightness;
  plan.scale = pointwise ? 1.0f : batch.rescale();
  return plan;
}

/// Block (x: a stretch of pixels, y: picture of the batch): gather, affine map, flips and rescale. Its first
/// thread draws the change for all.
__global__ void __launch_bounds__(threads) gather_pictures(Batch batch) {
  begin_kernel();
  __shared__ Plan plan;
  int64_t k = blockIdx.y;
  int32_t sample = batch.sample(k);
  if (threadIdx.x == 0) plan = plan_of(batch, k);
  __syncthreads();
  if (blockIdx.x == 0 && threadIdx.x == 0) batch.to_labels[k] = batch.labels[sample];
  const uint8_t* picture = batch.pictures + batch.row(k) * batch.picture_elements();
  float* to = batch.to + k * batch.picture_elements();
  int end = min(static_cast<int>(blockIdx.x + 1) * batch.pixels_a_block, batch.height * batch.width);
  for (int pixel = blockIdx.x * batch.pixels_a_block + threadIdx.x; pixel < end; pixel += threads) {
    int row = pixel / batch.width, column = pixel % batch.width;
    int to_row = plan.transform.flip_vertical ? batch.height - 1 - row : row;
    int to_column = plan.transform.flip_horizontal ? batch.width - 1 - column : column;
    float* out = to + (int64_t{to_row} * batch.width + to_column) * batch.channels;
    if (plan.identity) {
      for (int c = 0; c < batch.channels; ++c)
        out[c] = plan.scale * static_cast<float>(picture[int64_t{pixel} * batch.channels + c]);
      continue;
    }
    SourcePlace place = source_place(batch.height, batch.width, plan.map, batch.options.fill_mode,
                                     batch.options.interpolation_order, row, column);
#pragma unroll 3
    for (int c = 0; c < batch.channels; ++c)
      out[c] = plan.scale * sample_at(picture + c, batch.width, batch.channels, place, batch.options.cval,
                                      batch.options.interpolation_order);
  }
}

struct Range {
  float low, high;
};

__device__ Range range_of(const float* values, int64_t count) {
  __shared__ Range ranges[threads / 32];
  Range range{values[0], values[0]};
  for (int64_t i = threadIdx.x; i < count; i += threads)
    range = {fminf(range.low, values[i]), fmaxf(range.high, values[i])};
  range = {-warp_max(-range.low), warp_max(range.high)};
  __syncthreads();
  if (threadIdx.x % 32 == 0) ranges[threadIdx.x / 32] = range;
  __syncthreads();
  for (const Range& other : ranges) range = {fminf(range.low, other.low), fmaxf(range.high, other.high)};
  return range;
}

__device__ void standardize(float* values, int64_t count, bool divide) {
  double sum = 0, squares = 0;
  for (int64_t i = threadIdx.x; i < count; i += threads) sum += values[i];
  float mean = static_cast<float>(block_sum<threads>(sum) / static_cast<double>(count));
  for (int64_t i = threadIdx.x; i < count; i += threads) {
    values[i] -= mean;
    squares += double{values[i]} * values[i];
  }
  if (!divide) return;
  float deviation =
      static_cast<float>(std::sqrt(block_sum<threads>(squares) / static_cast<double>(count))) + 1e-6f;
  for (int64_t i = threadIdx.x; i < count; i += threads) values[i] /= deviation;
}

/// What needs the whole picture, a block each: channel shift, brightness, sample-wise statistics.
__global__ void __launch_bounds__(threads) change_pictures(Batch batch) {
  begin_kernel();
  int64_t count = batch.picture_elements();
  float* values = batch.to + blockIdx.x * count;
  Transform transform = batch.transform(blockIdx.x);
  if (transform.has_channel_shift) {
    Range range = range_of(values, count);
    __syncthreads();
    for (int64_t i = threadIdx.x; i < count; i += threads)
      values[i] = shift_channel(values[i], transform.channel_shift, range.low, range.high);
    __syncthreads();
  }
  if (transform.has_brightness) {
    Range range = range_of(values, count);
    __syncthreads();
    for (int64_t i = threadIdx.x; i < count; i += threads)
      values[i] = brighten(values[i], transform.brightness, range.low, range.high);
  }
  if (transform.has_channel_shift || transform.has_brightness)
    for (int64_t i = threadIdx.x; i < count; i += threads) values[i] *= batch.rescale();
  if (batch.options.samplewise_center || batch.options.samplewise_std_normalization)
    standardize(values, count, batch.options.samplewise_std_normalization);
}

bool needs_whole_pictures(const AugmentOptions& options) {
  return options.channel_shift_range != 0 || options.brightness_low != 0 || options.brightness_high != 0 ||
         options.samplewise_center || options.samplewise_std_normalization;
}

}  // namespace

void augment_batch(const Tensor& state, const EpochPictures& source, const AugmentOptions& options,
                   const Tensor& batch, const Tensor& labels) {
  const Context& context = context_of(batch);
  const Shape& shape = batch.shape();
  int height = static_cast<int>(shape[1]), width = static_cast<int>(shape[2]);
  check(shape[0] <= 65535, "augment: a batch of {} pictures is more than 65535", shape[0]);
  const Tensor& rows = source.rows.defined() ? source.rows : source.order;
  Batch work{static_cast<const StepState*>(state.raw()),
             source.pictures.data<uint8_t>(),
             source.order.data<int32_t>(),
             rows.data<int32_t>(),
             source.labels.data<int32_t>(),
             options.draws_nothing(),
             height,
             width,
             static_cast<int>(shape[3]),
             least_pixels_a_block,
             options,
             batch.mutable_data<float>(),
             labels.mutable_data<int32_t>()};
  // Each block waits until its change is drawn: no more of them than fill the GPU.
  int64_t pixels = int64_t{height} * width;
  while (work.pixels_a_block < pixels &&
         blocks_for(pixels, work.pixels_a_block) * shape[0] > 8 * context.multiprocessors())
    work.pixels_a_block *= 2;
  dim3 grid(blocks_for(pixels, work.pixels_a_block), shape[0]);
  launch(context, gather_pictures, grid, threads, work);
  if (needs_whole_pictures(options)) launch(context, change_pictures, dim3(shape[0]), threads, work);
}

}  // namespace manul::cuda
