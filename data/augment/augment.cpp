#include "manul/data/augment/augment.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "manul/data/augment/affine_rows.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/error.h"
#include "manul/framework/step.h"

namespace manul {
namespace {

/// Writes `value(row, column, channel)`, flipped and times `scale`.
void resample(const uint8_t* picture, int height, int width, int channels, const Transform& transform,
              const AugmentOptions& options, float scale, float* output) {
  AffineMap map = make_affine_map(transform.affine, height, width);
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column) {
      int to_row = transform.flip_vertical ? height - 1 - row : row;
      int to_column = transform.flip_horizontal ? width - 1 - column : column;
      float* to = output + (int64_t{to_row} * width + to_column) * channels;
      for (int channel = 0; channel < channels; ++channel)
        to[channel] =
            scale * sample_affine(picture + channel, height, width, channels, map, options.fill_mode,
                                  options.cval, options.interpolation_order, row, column);
    }
}

/// The picture as it is, flipped and times `scale`.
void copy(const uint8_t* picture, int height, int width, int channels, const Transform& transform,
          float scale, float* output) {
  for (int row = 0; row < height; ++row) {
    const uint8_t* from = picture + int64_t{row} * width * channels;
    float* to = output + int64_t{transform.flip_vertical ? height - 1 - row : row} * width * channels;
    if (!transform.flip_horizontal) {
      for (int i = 0; i < width * channels; ++i) to[i] = scale * static_cast<float>(from[i]);
      continue;
    }
    for (int column = 0; column < width; ++column)
      for (int channel = 0; channel < channels; ++channel)
        to[(width - 1 - column) * channels + channel] =
            scale * static_cast<float>(from[column * channels + channel]);
  }
}

void standardize(float* values, int64_t count, bool divide) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i];
  auto mean = static_cast<float>(sum / static_cast<double>(count));
  for (int64_t i = 0; i < count; ++i) {
    values[i] -= mean;
    squares += double{values[i]} * values[i];
  }
  if (!divide) return;
  float deviation = static_cast<float>(std::sqrt(squares / static_cast<double>(count))) + 1e-6f;
  for (int64_t i = 0; i < count; ++i) values[i] /= deviation;
}

}  // namespace

FillMode parse_fill_mode(std::string_view name) {
  if (name == "nearest") return FillMode::nearest;
  if (name == "reflect") return FillMode::reflect;
  if (name == "wrap") return FillMode::wrap;
  if (name == "constant") return FillMode::constant;
  fail(ErrorKind::usage, "fill mode: '{}' is none of nearest, reflect, wrap, constant", name);
}

bool AugmentOptions::draws_nothing() const {
  return rotation_range == 0 && shear_range == 0 && zoom_low == 1 && zoom_high == 1 &&
         horizontal_shift == 0 && vertical_shift == 0 && !horizontal_flip && !vertical_flip &&
         channel_shift_range == 0 && brightness_low == 0 && brightness_high == 0;
}

void augment(const uint8_t* picture, int height, int width, int channels, const Transform& transform,
             const AugmentOptions& options, float* output) {
  float rescale = options.rescale != 0 ? options.rescale : 1;
  bool pointwise = transform.has_channel_shift || transform.has_brightness;
  float scale = pointwise ? 1 : rescale;
  if (transform.affine.is_identity()) {
    copy(picture, height, width, channels, transform, scale, output);
  } else if (can_resample_rows(height, width, channels, options.interpolation_order)) {
    resample_rows(picture, height, width, channels, transform, options, scale, output);
  } else {
    resample(picture, height, width, channels, transform, options, scale, output);
  }
  int64_t count = int64_t{height} * width * channels;
  auto for_each_with_range = [&](auto change) {
    auto [low, high] = std::minmax_element(output, output + count);
    std::transform(output, output + count, output,
                   [&, low = *low, high = *high](float x) { return change(x, low, high); });
  };
  if (transform.has_channel_shift)
    for_each_with_range(
        [&](float x, float low, float high) { return shift_channel(x, transform.channel_shift, low, high); });
  if (transform.has_brightness)
    for_each_with_range(
        [&](float x, float low, float high) { return brighten(x, transform.brightness, low, high); });
  if (pointwise) std::transform(output, output + count, output, [&](float x) { return x * rescale; });
  if (options.samplewise_center || options.samplewise_std_normalization)
    standardize(output, count, options.samplewise_std_normalization);
}

void cpu::augment_batch(const Tensor& state, const EpochPictures& source, const AugmentOptions& options,
                        const Tensor& batch, const Tensor& labels) {
  const auto& step = *state_in(state);
  const Shape& shape = batch.shape();
  int64_t elements = shape.sample().elements();
  int height = static_cast<int>(shape[1]), width = static_cast<int>(shape[2]),
      channels = static_cast<int>(shape[3]);
  const int32_t* order = source.order.data<int32_t>() + step.position;
  const int32_t* rows = source.rows.defined() ? source.rows.data<int32_t>() + step.position : order;
  bool plain = options.draws_nothing();
  parallel_for(shape[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      int32_t sample = order[k];
      Transform transform;
      if (!plain) transform = draw_transform(options, step.seed, step.epoch, sample, height, width);
      const uint8_t* picture = source.pictures.data<uint8_t>() + rows[k] * elements;
      augment(picture, height, width, channels, transform, options,
              batch.mutable_data<float>() + k * elements);
      labels.mutable_data<int32_t>()[k] = source.labels.data<int32_t>()[sample];
    }
  });
}

}  // namespace manul
