#pragma once

#include "manul/layers/config/window_options.h"
#include "manul/layers/layer.h"
#include "manul/ops/pool/pool2d.h"

namespace manul {

enum class PoolingKind { max, average };

/// Keras' MaxPooling2D and AveragePooling2D: the largest value or the mean of each window, padding not
/// counted, [N, H, W, C] -> [N, OH, OW, C].
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
  /// With zeros around the input, those of a ZeroPadding2D in front.
  Tensor call_padded(const Tensor& x, const Borders2D& borders) const requires(kind == PoolingKind::max) {
    Pool2DOptions options = op_options();
    options.borders = borders;
    return max_pool2d(x, options);
  }
  Pool2DOptions op_options() const { return {lengths_of(pool_size), lengths_of(strides), padding}; }
};
using MaxPooling2D = Pooling2D<PoolingKind::max>;
using AveragePooling2D = Pooling2D<PoolingKind::average>;
inline const LayerRegistration<MaxPooling2D> max_pooling2d_registration;
inline const LayerRegistration<AveragePooling2D> average_pooling2d_registration;
extern template class LayerOf<MaxPooling2D>;
extern template class LayerOf<AveragePooling2D>;

/// Keras' MaxPooling1D and AveragePooling1D: the same along a sequence, [N, L, C] -> [N, OL, C].
template <PoolingKind kind>
struct Pooling1D {
  static constexpr const char* class_name = kind == PoolingKind::max ? "MaxPooling1D" : "AveragePooling1D";
  static constexpr int input_rank = 2;
  Size1D pool_size = 2;
  Size1D strides = 0;  // 0: as pool_size
  Padding padding = Padding::valid;
  std::string name = {};

  void describe(Description& description) {
    description.option({"pool_size", "pool_length"}, pool_size, at_least(1));
    description.option({"padding", "border_mode"}, padding);
    if (strides == Size1D(0)) strides = pool_size;
    description.option({"strides", "stride"}, strides, at_least(1));
    description.fixed("data_format", "channels_last");
  }
  Shape output_shape(const Shape& input) const {
    return in_two_axes().output_shape({1, input[0], input[1]}).sample();
  }
  Tensor call(const Tensor& x) const;

 private:
  Pooling2D<kind> in_two_axes() const {
    return {
        .pool_size = {1, pool_size.length}, .strides = {1, strides.length}, .padding = padding, .name = name};
  }
};
using MaxPooling1D = Pooling1D<PoolingKind::max>;
using AveragePooling1D = Pooling1D<PoolingKind::average>;
inline const LayerRegistration<MaxPooling1D> max_pooling1d_registration;
inline const LayerRegistration<AveragePooling1D> average_pooling1d_registration;
extern template class LayerOf<MaxPooling1D>;
extern template class LayerOf<AveragePooling1D>;

/// Keras' GlobalMaxPooling and GlobalAveragePooling over the one or two axes of a sample: [N, .., C] -> [N,
/// C] or, keeping the axes, [N, 1, C] and [N, 1, 1, C]. Equal largest values share the gradient. Of an input
/// with a mask GlobalAveragePooling1D takes the mean of the steps that count (of none: NaN, as in Keras).
template <PoolingKind kind, int axes>
struct GlobalPooling {
  static constexpr const char* class_name =
      kind == PoolingKind::max ? (axes == 1 ? "GlobalMaxPooling1D" : "GlobalMaxPooling2D")
                               : (axes == 1 ? "GlobalAveragePooling1D" : "GlobalAveragePooling2D");
  static constexpr int input_rank = axes + 1;
  bool keepdims = false;
  std::string name = {};

  void describe(Description& description) {
    description.fixed("data_format", "channels_last");
    description.option("keepdims", keepdims);
  }
  Shape output_shape(const Shape& input) const {
    if (!keepdims) return {input[-1]};
    return axes == 1 ? Shape{1, input[-1]} : Shape{1, 1, input[-1]};
  }
  Tensor call(const Tensor& x, const CallContext& context) const;
};
using GlobalMaxPooling1D = GlobalPooling<PoolingKind::max, 1>;
using GlobalMaxPooling2D = GlobalPooling<PoolingKind::max, 2>;
using GlobalAveragePooling1D = GlobalPooling<PoolingKind::average, 1>;
using GlobalAveragePooling2D = GlobalPooling<PoolingKind::average, 2>;
inline const LayerRegistration<GlobalMaxPooling1D> global_max_pooling1d_registration;
inline const LayerRegistration<GlobalMaxPooling2D> global_max_pooling2d_registration;
inline const LayerRegistration<GlobalAveragePooling1D> global_average_pooling1d_registration;
inline const LayerRegistration<GlobalAveragePooling2D> global_average_pooling2d_registration;
extern template class LayerOf<GlobalMaxPooling1D>;
extern template class LayerOf<GlobalMaxPooling2D>;
extern template class LayerOf<GlobalAveragePooling1D>;
extern template class LayerOf<GlobalAveragePooling2D>;

}  // namespace manul
