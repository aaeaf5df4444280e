#include "manul/layers/resizing.h"

#include <algorithm>

namespace manul {
namespace {

constexpr Range lengths = from_to(1, 1 << 24);

/// The middle of pictures.
Tensor crop_to(const Tensor& x, int64_t height, int64_t width) {
  int64_t top = (x.shape()[1] - height) / 2, left = (x.shape()[2] - width) / 2;
  return crop2d(x, {top, x.shape()[1] - height - top}, {left, x.shape()[2] - width - left});
}

/// Keras' smart_resize. Lengths are rounded in f32 as there.
Tensor resize_cropped(const Tensor& x, int64_t height, int64_t width, ResizeInterpolation interpolation) {
  int64_t rows = x.shape()[1], columns = x.shape()[2];
  auto fitting = [](int64_t product, int64_t by) {
    return static_cast<int64_t>(static_cast<float>(product) / static_cast<float>(by));
  };
  int64_t kept_rows = std::clamp(fitting(columns * height, width), int64_t{1}, rows);
  int64_t kept_columns = std::clamp(fitting(rows * width, height), int64_t{1}, columns);
  return resize2d(crop_to(x, kept_rows, kept_columns), {height, width}, interpolation);
}

}  // namespace

void Resizing::describe(Description& description) {
  description.required("height", height, lengths);
  description.required("width", width, lengths);
  description.option("interpolation", interpolation);
  description.option("crop_to_aspect_ratio", crop_to_aspect_ratio);
  // Keras 3
  description.fixed("pad_to_aspect_ratio", false, Written::if_set);
  description.fixed("antialias", false, Written::if_set);
  description.kept("fill_mode", "constant", Written::if_set);
  description.kept("fill_value", 0.0, Written::if_set);
  description.fixed("data_format", "channels_last", Written::if_set);
}

Tensor Resizing::call(const Tensor& x) const {
  if (crop_to_aspect_ratio) return resize_cropped(x, height, width, interpolation);
  return resize2d(x, {height, width}, interpolation);
}

void CenterCrop::describe(Description& description) {
  description.required("height", height, lengths);
  description.required("width", width, lengths);
  description.fixed("data_format", "channels_last", Written::if_set);
}

Tensor CenterCrop::call(const Tensor& x) const {
  if (x.shape()[1] >= height && x.shape()[2] >= width) return crop_to(x, height, width);
  return resize_cropped(x, height, width, ResizeInterpolation::bilinear);
}

template class LayerOf<Resizing>;
template class LayerOf<CenterCrop>;

}  // namespace manul
