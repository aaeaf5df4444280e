#pragma once

#include "manul/layers/layer.h"

namespace manul {

/// Lengths of a batch's axes; nothing where it is the input's. (1, in a noise shape: one number for all.)
struct NoiseShape {
  std::vector<std::optional<int64_t>> lengths;
  bool operator==(const NoiseShape&) const = default;
};
template <>
struct OptionType<NoiseShape> {
  static constexpr const char* wanted = "a list of integers and nulls";
  static std::optional<NoiseShape> read(const Config& config);
  static Config write(const NoiseShape& value);
  static std::vector<double> numbers(const NoiseShape& value);
};

/// Keras' Dropout: in training zeroes each element with probability `rate` and divides the others by
/// 1 - rate. With `noise_shape` elements along its axes of length 1 share their fate.
struct Dropout {
  static constexpr const char* class_name = "Dropout";
  static constexpr bool supports_masking = true;
  static constexpr bool identity_in_inference = true;
  double rate = 0.5;
  std::optional<NoiseShape> noise_shape = {};
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<Dropout> dropout_registration;
extern template class LayerOf<Dropout>;

/// Keras' ActivityRegularization: adds l1 * sum |x| + l2 * sum x², divided by the length of the batch, to the
/// loss.
struct ActivityRegularization {
  static constexpr const char* class_name = "ActivityRegularization";
  static constexpr bool supports_masking = true;
  static constexpr bool identity_in_inference = true;
  double l1 = 0;
  double l2 = 0;
  std::string name = {};

  void describe(Description& description) {
    description.option("l1", l1, at_least(0));
    description.option("l2", l2, at_least(0));
  }
  std::shared_ptr<const Regularizer> activity_regularizer() const;
  Tensor call(const Tensor& x) const { return x; }
};
inline const LayerRegistration<ActivityRegularization> activity_regularization_registration;
extern template class LayerOf<ActivityRegularization>;

/// Keras' SpatialDropout1D and SpatialDropout2D: a Dropout of whole channels, [N, steps, C] and [N, H, W, C].
template <int axes>
struct SpatialDropout {
  static constexpr const char* class_name = axes == 1 ? "SpatialDropout1D" : "SpatialDropout2D";
  static constexpr bool supports_masking = true;
  static constexpr bool identity_in_inference = true;
  static constexpr int input_rank = axes + 1;
  double rate = 0.5;
  std::string name = {};

  void describe(Description& description) {
    description.required({"rate", "p"}, rate, from_to_below(0, 1));
    description.kept("seed");
    if (axes == 2) description.fixed("data_format", "channels_last", Written::if_set);
    description.fixed("noise_shape", nullptr, Written::if_set);
  }
  Tensor call(const Tensor& x, const CallContext& context) const;
};
using SpatialDropout1D = SpatialDropout<1>;
using SpatialDropout2D = SpatialDropout<2>;
inline const LayerRegistration<SpatialDropout1D> spatial_dropout1d_registration;
inline const LayerRegistration<SpatialDropout2D> spatial_dropout2d_registration;
extern template class LayerOf<SpatialDropout1D>;
extern template class LayerOf<SpatialDropout2D>;

/// Keras' GaussianNoise: in training adds a normal number of this deviation to each element.
struct GaussianNoise {
  static constexpr const char* class_name = "GaussianNoise";
  static constexpr bool supports_masking = true;
  static constexpr bool identity_in_inference = true;
  double stddev = 1;
  std::string name = {};

  void describe(Description& description) {
    description.required({"stddev", "sigma"}, stddev, at_least(0));
    description.kept("seed");
  }
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<GaussianNoise> gaussian_noise_registration;
extern template class LayerOf<GaussianNoise>;

/// Keras' GaussianDropout: in training multiplies each element with a normal number of mean 1 and deviation
/// sqrt(rate / (1 - rate)).
struct GaussianDropout {
  static constexpr const char* class_name = "GaussianDropout";
  static constexpr bool supports_masking = true;
  static constexpr bool identity_in_inference = true;
  double rate = 0.5;
  std::string name = {};

  void describe(Description& description) {
    description.required({"rate", "p"}, rate, from_to_below(0, 1));
    description.kept("seed");
  }
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<GaussianDropout> gaussian_dropout_registration;
extern template class LayerOf<GaussianDropout>;

/// Keras' AlphaDropout, which keeps mean and variance behind selu (Klambauer et al. 2017): in training sets
/// elements to selu's lower limit with probability `rate`, then scales and shifts all.
struct AlphaDropout {
  static constexpr const char* class_name = "AlphaDropout";
  static constexpr bool supports_masking = true;
  static constexpr bool identity_in_inference = true;
  double rate = 0.5;
  std::string name = {};

  void describe(Description& description);
  Tensor call(const Tensor& x, const CallContext& context) const;
};
inline const LayerRegistration<AlphaDropout> alpha_dropout_registration;
extern template class LayerOf<AlphaDropout>;

}  // namespace manul
