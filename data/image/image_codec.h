#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "manul/data/image/drawing.h"
#include "manul/data/image/image.h"

// What image_io.cpp and its decoders, one file per library, share.
namespace manul::codec {

using Bytes = std::span<const uint8_t>;

/// Throws ErrorKind::data unless the size that a header gives is positive and within most_pixels.
void check_size(std::string_view name, int64_t height, int64_t width);

/// Decodes to options.color_mode. May resize as it goes; what it returns is put through resize() anyway.
Image decode_jpeg(Bytes bytes, std::string_view name, const ImageOptions& options);
Image decode_png(Bytes bytes, std::string_view name, ColorMode mode);
/// The formats that OpenCV reads, by a module that is loaded when the first such file comes.
Image decode_other(Bytes bytes, std::string_view name, ColorMode mode);
/// What that module exports: gray, RGB or RGBA, or false and the reason.
using OpenCvDecode = bool(Bytes bytes, Image& image, std::string& reason);

/// Draws on an 8-bit RGB picture by the same module. Throws ErrorKind::failed where it is not there.
void draw(Image& image, const std::vector<Drawing::Command>& commands);
using OpenCvDraw = bool(Image& image, const std::vector<Drawing::Command>& commands, std::string& reason);

std::vector<uint8_t> encode_png(const Image& image);
std::vector<uint8_t> encode_jpeg(const Image& image, int quality);

inline uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
}

/// 8-bit pixels of `channels` (1 gray, 2 gray and alpha, 3 RGB, 4 RGBA) in another color mode.
void convert(const uint8_t* from, int channels, ColorMode mode, uint8_t* to, size_t pixels);

}  // namespace manul::codec
