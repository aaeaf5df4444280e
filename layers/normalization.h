#pragma once

#include "manul/layers/layer.h"
#include "manul/ops/fused/normalize_activation.h"

namespace manul {

/// Keras' BatchNormalization over the last axis: gamma * (x - mean) / sqrt(variance + epsilon) + beta with
/// the batch's statistics in training, the moving ones in inference (and when frozen). In training steps that
/// a mask takes out are not part of the statistics, as in Keras 3. Weights: gamma, beta,
/// moving_mean, moving_variance, each [C].
struct BatchNormalization {
  static constexpr const char* class_name = "BatchNormalization";
  static constexpr bool supports_masking = true;
  double momentum = 0.99;
  double epsilon = 0.001;
  bool center = true;  // has beta
  bool scale = true;   // has gamma
  Axis axis = -1;      // of the channels: from the end, or with the batch's axis counted
  /// Of several processes (join_processes): statistics of the whole batch, not of each one's part of it.
  bool synchronized = false;
  std::string name = {};
  bool trainable = true;
  Weight gamma = {}, beta = {}, moving_mean = {}, moving_variance = {};  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x, const CallContext& context) const { return call_fused(x, context, {}); }
  /// With what follows it, in the same passes where that can be.
  Tensor call_fused(const Tensor& x, const CallContext& context, const NormalizationTail& tail) const;
};
inline const LayerRegistration<BatchNormalization> batch_normalization_registration;
extern template class LayerOf<BatchNormalization>;

/// Keras' LayerNormalization: the same with mean and variance over neighbouring axes of each sample. Weights:
/// gamma, beta, each of the shape of these axes.
struct LayerNormalization {
  static constexpr const char* class_name = "LayerNormalization";
  static constexpr bool supports_masking = true;
  Integers axis = -1;  // of a batch; several must be neighbours
  double epsilon = 0.001;
  bool center = true;  // has beta
  bool scale = true;   // has gamma
  std::string name = {};
  bool trainable = true;
  Weight gamma = {}, beta = {};  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<LayerNormalization> layer_normalization_registration;
extern template class LayerOf<LayerNormalization>;

/// Keras' GroupNormalization: mean and variance over a part of the channels and all pixels of each sample.
/// Weights: gamma, beta, each [C].
struct GroupNormalization {
  static constexpr const char* class_name = "GroupNormalization";
  static constexpr bool supports_masking = true;
  int64_t groups = 32;  // -1: one for each channel (instance normalization)
  Axis axis = -1;       // of the channels: the last one or the first one of a sample
  double epsilon = 0.001;
  bool center = true;  // has beta
  bool scale = true;   // has gamma
  std::string name = {};
  bool trainable = true;
  Weight gamma = {}, beta = {};  // made by build()

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<GroupNormalization> group_normalization_registration;
extern template class LayerOf<GroupNormalization>;

/// Keras' UnitNormalization: x / sqrt(sum of x^2) over neighbouring axes of each sample.
struct UnitNormalization {
  static constexpr const char* class_name = "UnitNormalization";
  static constexpr bool supports_masking = true;
  Integers axis = -1;  // of a batch; several must be neighbours
  std::string name = {};

  void describe(Description& description) { description.option("axis", axis); }
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<UnitNormalization> unit_normalization_registration;
extern template class LayerOf<UnitNormalization>;

/// One number or several; lists of lists are read as one.
struct Numbers {
  std::vector<double> values;

  Numbers(double value) : values{value} {}
  Numbers(std::vector<double> values) : values(std::move(values)) {}
  Numbers(std::initializer_list<double> values) : values(values) {}
  bool operator==(const Numbers&) const = default;
};

template <>
struct OptionType<Numbers> {
  static constexpr const char* wanted = "a number or a list of numbers";
  static std::optional<Numbers> read(const Config& config);
  static Config write(const Numbers& value);
  static std::vector<double> numbers(const Numbers& value) { return value.values; }
};

/// The axes of a batch that keep statistics of their own: one, several, or none at all. Files have them as a
/// list, an integer or null.
struct KeptAxes {
  std::vector<int64_t> values;

  KeptAxes(int64_t value) : values{value} {}
  KeptAxes(std::initializer_list<int64_t> values) : values(values) {}
  bool operator==(const KeptAxes&) const = default;
};

template <>
struct OptionType<KeptAxes> {
  static constexpr const char* wanted = "an integer, a list of integers or null";
  static std::optional<KeptAxes> read(const Config& config);
  static Config write(const KeptAxes& value) { return OptionType<std::vector<int64_t>>::write(value.values); }
};

/// Keras' Normalization: (x - mean) / max(sqrt(variance), 1e-7) with statistics of the data, one for each
/// place of the axes that are kept; without an axis one for all. They are options (adapt() sets them) or,
/// where a file has them as weights, mean, variance and count.
struct Normalization {
  static constexpr const char* class_name = "Normalization";
  static constexpr bool supports_masking = true;
  KeptAxes axis = -1;  // of a batch; several must be neighbours
  std::optional<Numbers> mean = {}, variance = {};
  bool invert = false;  // x * sqrt(variance) + mean instead
  std::string name = {};
  Weight mean_weight = {}, variance_weight = {}, count = {};  // made by build() without mean and variance
  mutable Tensor constants[2] = {};  // mean and variance on the device of the last call

  /// Takes mean and variance from data [N, ..], of which every sample has the shape of the layer's input.
  void adapt(const Tensor& data);

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  void build(const Shape& input, Weights& weights);
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Normalization> normalization_registration;
extern template class LayerOf<Normalization>;

}  // namespace manul
