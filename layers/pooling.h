#pragma once

#include "manul/layers/config/window_options.h"
#include "manul/layers/layer.h"
#include "manul/ops/pool/pool2d.h"

namespace manul {

/// Keras' MaxPooling2D: the largest value of each window, [N, H, W, C] -> [N, OH, OW, C].
struct MaxPooling2D {
  static constexpr const char* class_name = "MaxPooling2D";
  static constexpr int input_rank = 3;
  Size2D pool_size = 2;
  Size2D strides = 0;  // 0: as pool_size
  Padding padding = Padding::valid;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const { return max_pool2d(x, op_options()); }
  Pool2DOptions op_options() const { return {lengths_of(pool_size), lengths_of(strides), padding}; }
};
inline const LayerRegistration<MaxPooling2D> max_pooling2d_registration;

/// Keras' AveragePooling2D: the mean of each window, padding not counted.
struct AveragePooling2D {
  static constexpr const char* class_name = "AveragePooling2D";
  static constexpr int input_rank = 3;
  Size2D pool_size = 2;
  Size2D strides = 0;  // 0: as pool_size
  Padding padding = Padding::valid;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const { return average_pool2d(x, op_options()); }
  Pool2DOptions op_options() const { return {lengths_of(pool_size), lengths_of(strides), padding}; }
};
inline const LayerRegistration<AveragePooling2D> average_pooling2d_registration;

/// Keras' GlobalAveragePooling2D: [N, H, W, C] -> [N, C] or, keeping the axes, [N, 1, 1, C].
struct GlobalAveragePooling2D {
  static constexpr const char* class_name = "GlobalAveragePooling2D";
  static constexpr int input_rank = 3;
  bool keepdims = false;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const;
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<GlobalAveragePooling2D> global_average_pooling2d_registration;

}  // namespace manul
