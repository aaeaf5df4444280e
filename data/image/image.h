#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace manul {

/// What a picture is converted to when it is read. Grayscale is (19595 R + 38470 G + 7471 B + 32768) >> 16.
enum class ColorMode { rgb, grayscale, rgba };

/// How a picture is resized: Pillow's filters, with Keras' names.
enum class Interpolation { nearest, bilinear, bicubic, box, hamming, lanczos };

/// "nearest", "bilinear", ...: throws ErrorKind::usage with the list of names for any other text.
/// Keras' names of all, in the order of the enumeration.
std::span<const std::string_view> interpolation_names();
Interpolation parse_interpolation(std::string_view name);
std::string_view name_of(Interpolation interpolation);

constexpr int channels_of(ColorMode mode) {
  return mode == ColorMode::grayscale ? 1 : mode == ColorMode::rgb ? 3 : 4;
}

/// A picture in memory, row-major [height, width, channels]: gray, RGB or RGBA.
struct Image {
  int height = 0;
  int width = 0;
  int channels = 0;
  std::vector<uint8_t> pixels;
  /// In place of `pixels` for a gray picture of 16 bits that was asked for as grayscale.
  std::vector<uint16_t> pixels16;
  /// What was wrong with the file, but cost no pixel; empty if nothing.
  std::string warning;

  Image() = default;
  Image(int height, int width, int channels)
      : height(height), width(width), channels(channels), pixels(size_t(height) * width * channels) {}

  uint8_t* row(int y) { return pixels.data() + size_t(y) * width * channels; }
  const uint8_t* row(int y) const { return pixels.data() + size_t(y) * width * channels; }
};

/// How a file becomes a picture, as the arguments of keras.utils.load_img.
struct ImageOptions {
  int height = 0;  // target size in pixels; 0: the file's own
  int width = 0;
  Interpolation interpolation = Interpolation::nearest;
  /// Resizes the middle part that has the target's shape, instead of distorting the whole.
  bool keep_aspect_ratio = false;
  ColorMode color_mode = ColorMode::rgb;
  /// Turns JPEG pictures as a viewer shows them; Keras does not.
  bool exif_orientation = false;
  /// Takes damaged JPEG files as far as a viewer would show them (stray bytes, a missing end), with a
  /// warning.
  bool tolerant = false;
};

}  // namespace manul
