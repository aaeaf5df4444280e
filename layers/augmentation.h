#pragma once

#include <cmath>

#include "manul/layers/layer.h"
#include "manul/ops/geometry/affine_transform.h"
#include "manul/ops/geometry/random_affine.h"

namespace manul {

// Keras' random layers for pictures [N, H, W, C]: in training each picture is changed in its own way, drawn
// from the state of the step; in inference they do nothing (RandomCrop apart).

/// How far something is drawn: one number, to both sides, or the two ends.
struct Factor {
  std::vector<double> ends;

  Factor(double both) : ends{both} {}
  Factor(double low, double high) : ends{low, high} {}
  bool operator==(const Factor&) const = default;
  Between between() const {
    return ends.size() == 1 ? Between{-ends[0], ends[0]} : Between{ends[0], ends[1]};
  }
};
template <>
struct OptionType<Factor> {
  static constexpr const char* wanted = "one number or two";
  static std::optional<Factor> read(const Config& config);
  static Config write(const Factor& value);
  static std::vector<double> numbers(const Factor& value) { return value.ends; }
};

template <>
struct OptionType<AffineFill> {
  static constexpr const char* wanted = "constant, nearest, reflect or wrap";
  static std::optional<AffineFill> read(const Config& config);
  static Config write(AffineFill value);
};
template <>
struct OptionType<AffineInterpolation> {
  static constexpr const char* wanted = "nearest or bilinear";
  static std::optional<AffineInterpolation> read(const Config& config);
  static Config write(AffineInterpolation value);
};

/// Keras' RandomFlip: mirrors every second picture, by mode "horizontal", "vertical" or
/// "horizontal_and_vertical".
struct RandomFlip {
  static constexpr const char* class_name = "RandomFlip";
  static constexpr bool identity_in_inference = true;
  static constexpr int input_rank = 3;
  std::string mode = "horizontal_and_vertical";
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<RandomFlip> random_flip_registration;
extern template class LayerOf<RandomFlip>;

/// Keras' RandomRotation: by an angle of this part of a full turn, about the centre.
struct RandomRotation {
  static constexpr const char* class_name = "RandomRotation";
  static constexpr bool identity_in_inference = true;
  static constexpr int input_rank = 3;
  Factor factor = 0;
  AffineFill fill_mode = AffineFill::reflect;
  AffineInterpolation interpolation = AffineInterpolation::bilinear;
  double fill_value = 0;
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<RandomRotation> random_rotation_registration;
extern template class LayerOf<RandomRotation>;

/// Keras' RandomTranslation: down by a part of the height and to the right by a part of the width.
struct RandomTranslation {
  static constexpr const char* class_name = "RandomTranslation";
  static constexpr bool identity_in_inference = true;
  static constexpr int input_rank = 3;
  Factor height_factor = 0, width_factor = 0;
  AffineFill fill_mode = AffineFill::reflect;
  AffineInterpolation interpolation = AffineInterpolation::bilinear;
  double fill_value = 0;
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<RandomTranslation> random_translation_registration;
extern template class LayerOf<RandomTranslation>;

/// Keras' RandomZoom: by 1 + the factor, of which more than 1 zooms out; without width_factor in both
/// directions alike.
struct RandomZoom {
  static constexpr const char* class_name = "RandomZoom";
  static constexpr bool identity_in_inference = true;
  static constexpr int input_rank = 3;
  Factor height_factor = 0;
  std::optional<Factor> width_factor = {};
  AffineFill fill_mode = AffineFill::reflect;
  AffineInterpolation interpolation = AffineInterpolation::bilinear;
  double fill_value = 0;
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<RandomZoom> random_zoom_registration;
extern template class LayerOf<RandomZoom>;

/// Keras' RandomContrast: (x - mean) * f + mean with the mean of each channel of a picture and f from 1 -
/// factor to 1 + factor (of two factors: 1 - the first to 1 + the second); cut to 0 .. 255.
struct RandomContrast {
  static constexpr const char* class_name = "RandomContrast";
  static constexpr bool identity_in_inference = true;
  static constexpr int input_rank = 3;
  Factor factor = 0;
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<RandomContrast> random_contrast_registration;
extern template class LayerOf<RandomContrast>;

/// Keras' RandomBrightness: adds a part of value_range's width to a picture; cut to value_range.
struct RandomBrightness {
  static constexpr const char* class_name = "RandomBrightness";
  static constexpr bool identity_in_inference = true;
  static constexpr int input_rank = 3;
  Factor factor = 0;
  Factor value_range = {0, 255};
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<RandomBrightness> random_brightness_registration;
extern template class LayerOf<RandomBrightness>;

/// Keras' RandomCrop: in training a part of this size, at one random place for a whole batch; in inference,
/// and where the pictures are smaller, the middle part of these proportions, resized bilinearly.
struct RandomCrop {
  static constexpr const char* class_name = "RandomCrop";
  static constexpr int input_rank = 3;
  int64_t height = 1, width = 1;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const { return {height, width, input[-1]}; }
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<RandomCrop> random_crop_registration;
extern template class LayerOf<RandomCrop>;

}  // namespace manul
