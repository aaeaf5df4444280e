#pragma once

#include <string_view>

#include "manul/data/augment/affine.h"
#include "manul/framework/kernel.h"
#include "manul/framework/random.h"

namespace manul {

/// "nearest", "reflect", "wrap" or "constant". Throws ErrorKind::usage with the list for any other text.
FillMode parse_fill_mode(std::string_view name);

/// The arguments of ImageDataGenerator: the ranges from which the changes of a picture are drawn, and how its
/// values are scaled. The defaults change only the scale. A plain value, passed to kernels by copy.
struct AugmentOptions {
  double rotation_range = 0;  // degrees: U(-r, r)
  double shear_range = 0;     // degrees: U(-s, s)
  double zoom_low = 1;        // each axis: U(low, high); below 1 magnifies
  double zoom_high = 1;
  double horizontal_shift = 0;   // U(-f, f) columns; a fraction of the width if below 1
  double vertical_shift = 0;     // the same of rows. (Keras' width_shift_range moves rows, against its name.)
  bool horizontal_flip = false;  // with probability 1/2
  bool vertical_flip = false;
  double channel_shift_range = 0;  // grey levels: U(-r, r)
  double brightness_low = 0;       // factor: U(low, high); both 0: none
  double brightness_high = 0;
  FillMode fill_mode = FillMode::nearest;
  float cval = 0;               // what FillMode::constant fills with
  int interpolation_order = 1;  // 0: nearest, 1: bilinear
  float rescale = 1.0f / 255;   // 0: none
  bool samplewise_center = false;
  bool samplewise_std_normalization = false;  // implies samplewise_center

  /// True if every picture is only rescaled.
  bool draws_nothing() const;
};

/// The argument of ImageDataGenerator.apply_transform: one drawn change.
struct Transform {
  AffineParameters affine;
  bool flip_horizontal = false;
  bool flip_vertical = false;
  bool has_channel_shift = false;
  float channel_shift = 0;  // grey levels
  bool has_brightness = false;
  float brightness = 1;  // factor
};

/// The change of sample `index` in `epoch`: distributed as ImageDataGenerator.get_random_transform draws it,
/// and the same on every device, in any number of threads. Every parameter has its own place in the stream,
/// so asking for one does not change the others.
MANUL_HOST_DEVICE inline Transform draw_transform(const AugmentOptions& options, uint64_t seed, int64_t epoch,
                                                  int64_t index, int height, int width) {
  RandomStream stream(seed, RandomPurpose::augmentation, static_cast<uint64_t>(epoch),
                      static_cast<uint64_t>(index));
  auto both_ways = [&stream](double range) { return stream.uniform(-range, range); };
  Transform transform;
  transform.affine.theta = both_ways(options.rotation_range);
  transform.affine.tx = both_ways(options.horizontal_shift) * (options.horizontal_shift < 1 ? width : 1);
  transform.affine.ty = both_ways(options.vertical_shift) * (options.vertical_shift < 1 ? height : 1);
  transform.affine.shear = both_ways(options.shear_range);
  transform.affine.zx = stream.uniform(options.zoom_low, options.zoom_high);
  transform.affine.zy = stream.uniform(options.zoom_low, options.zoom_high);
  transform.flip_horizontal = (stream.uniform() < 0.5) & options.horizontal_flip;
  transform.flip_vertical = (stream.uniform() < 0.5) & options.vertical_flip;
  transform.has_channel_shift = options.channel_shift_range != 0;
  transform.channel_shift = static_cast<float>(both_ways(options.channel_shift_range));
  transform.has_brightness = options.brightness_low != 0 || options.brightness_high != 0;
  transform.brightness = static_cast<float>(stream.uniform(options.brightness_low, options.brightness_high));
  return transform;
}

/// Keras' channel shift of one value; low and high are the least and greatest value of the whole picture.
MANUL_HOST_DEVICE inline float shift_channel(float value, float shift, float low, float high) {
  value += shift;
  return value < low ? low : value > high ? high : value;
}

/// Keras' brightness of one value, through 8 bits. A picture with values outside 0 to 255 is stretched to
/// that range first and back afterwards.
MANUL_HOST_DEVICE inline float brighten(float value, float factor, float low, float high) {
  bool stretched = low < 0 || high > 255;
  if (stretched) {
    value -= low;
    value = high - low != 0 ? value / (high - low) * 255.0f : value * 255.0f;
  }
  value = factor * static_cast<float>(static_cast<uint8_t>(value));
  value = value < 0 ? 0.0f : value > 255 ? 255.0f : static_cast<float>(static_cast<int>(value));
  return stretched ? value / 255.0f * (high - low) + low : value;
}

/// ImageDataGenerator.apply_transform and standardize of one picture u8 [height, width, channels] in host
/// memory, to f32 of the same shape: affine resampling, channel shift, flips, brightness, rescale,
/// sample-wise statistics.
void augment(const uint8_t* picture, int height, int width, int channels, const Transform& transform,
             const AugmentOptions& options, float* output);

/// The pictures that the batches of an epoch are made of.
struct EpochPictures {
  Tensor pictures;  // u8 [rows, height, width, channels]
  Tensor labels;    // i32 [samples], by sample
  Tensor order;     // i32 [samples]: the samples of an epoch in their order
  Tensor rows;      // i32 [samples]: in that order, the row of `pictures`; undefined: the sample's number
};

/// Writes batch [n, height, width, channels] f32 and its labels i32 [n]: picture k is that of sample
/// order[position + k], row rows[position + k], with position, epoch and seed of the step state, changed by
/// draw_transform for its key.
MANUL_KERNEL(augment_batch, void(const Tensor& state, const EpochPictures& source,
                                 const AugmentOptions& options, const Tensor& batch, const Tensor& labels));

}  // namespace manul
