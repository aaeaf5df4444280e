#pragma once

#include "manul/data/image/image.h"
#include "manul/framework/tensor.h"

// The only ways from a decoded picture into a tensor. They know every kind of pixel that an Image may have (8
// or 16 bits, 1 to 4 channels) and check the picture against the shape, so that no element is left as it was.
namespace manul {

/// value * scale + offset, a pixel's value being 0..255, or 0..65535 of 16 bits.
struct PixelScale {
  double scale = 1;
  double offset = 0;
};

/// Writes the pixels to `to`, f32 on the CPU with the shape `sample` = [height, width, channels]. Throws
/// ErrorKind::failed if the picture has another shape.
void write_values_of(const Image& image, float* to, const Shape& sample, PixelScale scale = {});

/// The same as bytes. Throws ErrorKind::data, naming the picture `name`, for one of 16 bits, which bytes
/// cannot hold.
void write_bytes_of(const Image& image, uint8_t* to, const Shape& sample, std::string_view name);

/// The picture as f32 [1, height, width, channels], as keras.utils.img_to_array gives it, scaled.
Tensor to_tensor(const Image& image, PixelScale scale = {});

}  // namespace manul
