#include "manul/data/augment/augment.h"
#include "manul/framework/cuda/launch.h"
#include "manul/framework/step.h"

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

/// The pixels of a block's stretch as its threads walk through them.
class PixelWalk {
 public:
  __device__ PixelWalk(int pixel, int width)
      : row(pixel / width),
        column(pixel % width),
        width_(width),
        rows_(threads / width),
        columns_(threads % width) {}
  __device__ void next() {
    row += rows_;
    column += columns_;
    if (column < width_) return;
    column -= width_;
    ++row;
  }
  int row, column;

 private:
  int width_, rows_, columns_;
};

/// Where pixel (row, column) of the changed picture goes.
__device__ float* place_of(const Batch& batch, const Transform& transform, float* to, int row, int column) {
  if (transform.flip_vertical) row = batch.height - 1 - row;
  if (transform.flip_horizontal) column = batch.width - 1 - column;
  return to + (row * batch.width + column) * batch.channels;
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
  int pixel = blockIdx.x * batch.pixels_a_block + threadIdx.x;
  for (PixelWalk walk(pixel, batch.width); pixel < end; pixel += threads, walk.next()) {
    float* out = place_of(batch, plan.transform, to, walk.row, walk.column);
    if (plan.identity) {
      for (int c = 0; c < batch.channels; ++c)
        out[c] = plan.scale * static_cast<float>(picture[pixel * batch.channels + c]);
      continue;
    }
    SourcePlace place = source_place(batch.height, batch.width, plan.map, batch.options.fill_mode,
                                     batch.options.interpolation_order, walk.row, walk.column);
#pragma unroll 3
    for (int c = 0; c < batch.channels; ++c)
      out[c] = plan.scale * sample_at(picture + c, batch.width, batch.channels, place, batch.options.cval,
                                      batch.options.interpolation_order);
  }
}

/// Twelve bytes, four pixels of three colours, as a word a pixel.
__device__ uint4 words_of(const uint32_t* bytes) {
  uint32_t a = bytes[0], b = bytes[1], c = bytes[2];
  return {a, __byte_perm(a, b, 0x0543), __byte_perm(b, c, 0x0432), c >> 8};
}

/// The same for pictures of three colours with bilinear interpolation: the block has the whole picture in
/// shared memory, a word a pixel, so that a neighbour is one read. It is copied while the change is drawn.
__global__ void __launch_bounds__(threads) gather_colours(Batch batch) {
  begin_kernel();
  auto* shared_pixels = dynamic_shared<uint4>();
  int64_t k = blockIdx.y;
  int32_t sample = batch.sample(k);
  int pixels = batch.height * batch.width;
  auto& plan = *reinterpret_cast<Plan*>(shared_pixels + pixels / 4);
  if (threadIdx.x < 32) {
    if (threadIdx.x == 0) plan = plan_of(batch, k);
  } else {
    auto* picture =
        reinterpret_cast<const uint32_t*>(batch.pictures + batch.row(k) * batch.picture_elements());
#pragma unroll 4
    for (int i = threadIdx.x - 32; i < pixels / 4; i += threads - 32)
      shared_pixels[i] = words_of(picture + 3 * i);
  }
  if (blockIdx.x == 0 && threadIdx.x == 32) batch.to_labels[k] = batch.labels[sample];
  __syncthreads();
  auto* words = reinterpret_cast<const uint32_t*>(shared_pixels);
  float* to = batch.to + k * batch.picture_elements();
  int end = min(static_cast<int>(blockIdx.x + 1) * batch.pixels_a_block, pixels);
  int pixel = blockIdx.x * batch.pixels_a_block + threadIdx.x;
  for (PixelWalk walk(pixel, batch.width); pixel < end; pixel += threads, walk.next()) {
    float* out = place_of(batch, plan.transform, to, walk.row, walk.column);
    SourcePlace place{};
    if (!plan.identity)
      place = source_place(batch.height, batch.width, plan.map, batch.options.fill_mode, 1, walk.row,
                           walk.column);
    const uint32_t* upper = words + place.rows.first * batch.width;
    const uint32_t* lower = words + place.rows.second * batch.width;
    uint32_t own = words[pixel];
    uint32_t four[4] = {upper[place.columns.first], upper[place.columns.second], lower[place.columns.first],
                        lower[place.columns.second]};
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      auto byte = [c](uint32_t word) { return static_cast<uint8_t>(word >> 8 * c); };
      float value = plan.identity   ? static_cast<float>(byte(own))
                    : place.outside ? batch.options.cval
                                    : mix(place, byte(four[0]), byte(four[1]), byte(four[2]), byte(four[3]));
      out[c] = plan.scale * value;
    }
  }
}

/// Whether gather_colours() can do it.
bool are_colours(const Batch& batch) {
  int64_t pixels = int64_t{batch.height} * batch.width;
  return batch.channels == 3 && batch.options.interpolation_order == 1 && pixels % 4 == 0 &&
         pixels * 4 <= (40 << 10) && reinterpret_cast<uintptr_t>(batch.pictures) % 4 == 0;
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
  Batch work{state_in(state),
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
  bool colours = are_colours(work);
  int64_t pixels = int64_t{height} * width, most_blocks = (colours ? 4 : 8) * context.multiprocessors();
  while (work.pixels_a_block < pixels && blocks_for(pixels, work.pixels_a_block) * shape[0] > most_blocks)
    work.pixels_a_block *= 2;
  dim3 grid(blocks_for(pixels, work.pixels_a_block), shape[0]);
  if (colours)
    launch_with_shared(context, gather_colours, grid, threads, pixels * sizeof(uint32_t) + sizeof(Plan),
                       work);
  else
    launch(context, gather_pictures, grid, threads, work);
  if (needs_whole_pictures(options)) launch(context, change_pictures, dim3(shape[0]), threads, work);
}

}  // namespace manul::cuda
