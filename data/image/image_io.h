#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "manul/data/image/image.h"
#include "manul/framework/file.h"

namespace manul {

/// Reads a picture file as keras.utils.load_img does: decoded by its content, not by its name; EXIF
/// orientation is not applied, alpha is dropped unless ColorMode::rgba is asked for, gray files become RGB
/// and the other way round. JPEG, PNG, BMP, PPM, PGM, and what OpenCV was built with (TIFF, WebP).
///
/// Throws ErrorKind::data with a sentence that begins with the file's name if it cannot be read, is empty, is
/// not a picture, has more than most_pixels, or is damaged in any way that can be detected: unlike in Keras,
/// everything that libjpeg or libpng warn about counts. Only a PNG that lacks nothing but its end marker is
/// accepted, with a warning in the image.
Image load_image(const std::filesystem::path& file, const ImageOptions& options = {});
/// The same of a file that is open already.
Image load_image(const InputFile& file, const ImageOptions& options = {});

/// The same from memory; `name` stands for the file in errors.
Image decode_image(std::span<const uint8_t> bytes, std::string_view name, const ImageOptions& options = {});

/// Larger pictures are refused before memory is asked for, as Pillow does.
inline constexpr int64_t most_pixels = 178956970;

/// Writes 8-bit gray, RGB or RGBA; throws ErrorKind::failed with the reason if that fails.
void save_png(const std::filesystem::path& file, const Image& image);
/// Writes 8-bit gray or RGB with a quality of 1 to 100.
void save_jpeg(const std::filesystem::path& file, const Image& image, int quality = 90);

}  // namespace manul
