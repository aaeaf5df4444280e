#pragma once

#include "manul/layers/config/window_options.h"
#include "manul/layers/layer.h"
#include "manul/ops/pool/pool2d.h"

namespace manul {

/// Keras' MaxPooling2D and AveragePooling2D: the largest value or the mean of each window, padding not
/// counted, [N, H, W, C] -> [N, OH, OW, C].
enum class PoolingKind { max, average };
template <PoolingKind kind>
struct Pooling2D {
  static constexpr const char* class_name = kind == PoolingKind::max ? "MaxPooling2D" : "AveragePooling2D";
  static constexpr int input_rank = 3;
  Size2D pool_size = 2;
  Size2D strides = 0;  // 0: as pool_size
  Padding padding = Padding::valid;
  std::string name = {};

  void describe(Description& description) {
    description.option("pool_size", pool_size, at_least(1));
    description.option({"padding", "border_mode"}, padding);
    if (strides == Size2D(0)) strides = pool_size;
    description.option("strides", strides, at_least(1));
    description.fixed("data_format", "channels_last");
  }
  Shape output_shape(const Shape& input) const {
    WindowGeometry geometry = lay_window(name.c_str(), input.batch_of(1), pool_window(op_options()));
    return {geometry.output[0], geometry.output[1], input[-1]};
  }
  Tensor call(const Tensor& x) const {
    return kind == PoolingKind::max ? max_pool2d(x, op_options()) : average_pool2d(x, op_options());
  }
  Pool2DOptions op_options() const { return {lengths_of(pool_size), lengths_of(strides), padding}; }
};
using MaxPooling2D = Pooling2D<PoolingKind::max>;
using AveragePooling2D = Pooling2D<PoolingKind::average>;
inline const LayerRegistration<MaxPooling2D> max_pooling2d_registration;
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
