#pragma once

#include "manul/layers/config/window_options.h"
#include "manul/layers/layer.h"
#include "manul/ops/geometry/pad2d.h"
#include "manul/ops/geometry/resize2d.h"

namespace manul {

/// Files have a border as one integer or as two.
template <>
struct OptionType<Border> {
  static constexpr const char* wanted = "one integer or two";
  static std::optional<Border> read(const Config& config);
  static Config write(Border value) { return Config::List{value.before, value.behind}; }
  static std::vector<double> numbers(Border value) {
    return {static_cast<double>(value.before), static_cast<double>(value.behind)};
  }
};

template <>
struct OptionType<Borders2D> {
  static constexpr const char* wanted = "one integer, two, or two pairs";
  static std::optional<Borders2D> read(const Config& config);
  static Config write(const Borders2D& value) {
    return Config::List{OptionType<Border>::write(value.rows), OptionType<Border>::write(value.columns)};
  }
  static std::vector<double> numbers(const Borders2D& value);
};

template <>
struct OptionType<ResizeInterpolation> {
  static constexpr const char* wanted = "nearest or bilinear";
  static std::optional<ResizeInterpolation> read(const Config& config);
  static Config write(ResizeInterpolation value) {
    return value == ResizeInterpolation::nearest ? "nearest" : "bilinear";
  }
};

/// Keras' ZeroPadding2D: x [N, H, W, C] with a border of zeros.
struct ZeroPadding2D {
  static constexpr const char* class_name = "ZeroPadding2D";
  static constexpr int input_rank = 3;
  Borders2D padding = 1;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const { return zero_pad2d(x, padding.rows, padding.columns); }
};
inline const LayerRegistration<ZeroPadding2D> zero_padding2d_registration;
extern template class LayerOf<ZeroPadding2D>;

/// Keras' ZeroPadding1D: x [N, L, C] with zeros before and behind.
struct ZeroPadding1D {
  static constexpr const char* class_name = "ZeroPadding1D";
  static constexpr int input_rank = 2;
  Border padding = 1;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<ZeroPadding1D> zero_padding1d_registration;
extern template class LayerOf<ZeroPadding1D>;

/// Keras' Cropping2D: x [N, H, W, C] without its outer rows and columns.
struct Cropping2D {
  static constexpr const char* class_name = "Cropping2D";
  static constexpr int input_rank = 3;
  Borders2D cropping = 0;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const { return crop2d(x, cropping.rows, cropping.columns); }
};
inline const LayerRegistration<Cropping2D> cropping2d_registration;
extern template class LayerOf<Cropping2D>;

/// Keras' Cropping1D: x [N, L, C] without its ends.
struct Cropping1D {
  static constexpr const char* class_name = "Cropping1D";
  static constexpr int input_rank = 2;
  Border cropping = 1;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Cropping1D> cropping1d_registration;
extern template class LayerOf<Cropping1D>;

/// Keras' UpSampling2D: x [N, H, W, C] -> [N, H * size, W * size, C], nearest or bilinear.
struct UpSampling2D {
  static constexpr const char* class_name = "UpSampling2D";
  static constexpr int input_rank = 3;
  Size2D size = 2;
  ResizeInterpolation interpolation = ResizeInterpolation::nearest;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const { return upsample2d(x, lengths_of(size), interpolation); }
};
inline const LayerRegistration<UpSampling2D> up_sampling2d_registration;
extern template class LayerOf<UpSampling2D>;

/// Keras' UpSampling1D: every step of x [N, L, C] `size` times.
struct UpSampling1D {
  static constexpr const char* class_name = "UpSampling1D";
  static constexpr int input_rank = 2;
  int64_t size = 2;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<UpSampling1D> up_sampling1d_registration;
extern template class LayerOf<UpSampling1D>;

}  // namespace manul
