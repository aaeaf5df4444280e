#pragma once

#include "manul/layers/reshaping_images.h"

namespace manul {

/// Keras' Resizing: x [N, H, W, C] -> [N, height, width, C] without antialiasing, of the whole picture or of
/// the largest part in its middle that has the shape of the output.
struct Resizing {
  static constexpr const char* class_name = "Resizing";
  static constexpr int input_rank = 3;
  int64_t height = 0;
  int64_t width = 0;
  ResizeInterpolation interpolation = ResizeInterpolation::bilinear;
  bool crop_to_aspect_ratio = false;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const { return {height, width, input[-1]}; }
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<Resizing> resizing_registration;
extern template class LayerOf<Resizing>;

/// Keras' CenterCrop: the middle of x [N, H, W, C], height x width; where the picture is smaller, its largest
/// part of that shape, resized bilinearly.
struct CenterCrop {
  static constexpr const char* class_name = "CenterCrop";
  static constexpr int input_rank = 3;
  int64_t height = 0;
  int64_t width = 0;
  std::string name = {};

  void describe(Description& description);
  Shape output_shape(const Shape& input) const { return {height, width, input[-1]}; }
  Tensor call(const Tensor& x) const;
};
inline const LayerRegistration<CenterCrop> center_crop_registration;
extern template class LayerOf<CenterCrop>;

}  // namespace manul
