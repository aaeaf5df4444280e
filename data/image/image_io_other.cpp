#include <cctype>
#include <cstdlib>
#include <string>

#include "manul/data/image/image_codec.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/error.h"
#include "manul/framework/module.h"

#ifdef MANUL_STATIC_OPENCV
extern "C" manul::codec::OpenCvDecode manul_opencv_decode;
extern "C" manul::codec::OpenCvDraw manul_opencv_draw;
#endif

namespace manul::codec {
namespace {

OpenCvDecode* find_decode() {
  // OpenCV reads its limit once, when it is loaded.
  ::setenv("OPENCV_IO_MAX_IMAGE_PIXELS", std::to_string(most_pixels).c_str(), 1);
#ifdef MANUL_STATIC_OPENCV
  return manul_opencv_decode;
#else
  std::string reason;
  return reinterpret_cast<OpenCvDecode*>(
      module_function("libmanul_opencv_codecs.so", "manul_opencv_decode", reason));
#endif
}

OpenCvDraw* find_draw([[maybe_unused]] std::string& reason) {
#ifdef MANUL_STATIC_OPENCV
  return manul_opencv_draw;
#else
  return reinterpret_cast<OpenCvDraw*>(
      module_function("libmanul_opencv_codecs.so", "manul_opencv_draw", reason));
#endif
}

}  // namespace

namespace {

/// The third number of a PPM's or PGM's header, the value of white; 0 if it is not there.
int64_t portable_map_white(Bytes bytes) {
  int64_t number = 0;
  size_t at = 2;
  for (int field = 0; field < 3; ++field) {
    for (bool comment = false; at < bytes.size() && (comment || !std::isdigit(bytes[at])); ++at)
      comment = comment ? bytes[at] != '\n' : bytes[at] == '#';
    for (number = 0; at < bytes.size() && std::isdigit(bytes[at]) && number < most_pixels; ++at)
      number = 10 * number + bytes[at] - '0';
  }
  return number;
}

/// What OpenCV would read differently from Pillow, in a word or two; empty if nothing. `read` is what it
/// read.
std::string otherwise_read(Bytes bytes, const Image* read) {
  bool bitmap = bytes[0] == 'P' && (bytes[1] == '1' || bytes[1] == '4');
  if (bytes[0] == 'P' && !bitmap && portable_map_white(bytes) != 255) return "a white other than 255";
  constexpr size_t bmp_bits = 28;  // offset of the bits a pixel
  if (bytes[0] == 'B' && bytes.size() > bmp_bits && bytes[bmp_bits] == 16) return "a BMP of 16 bits a pixel";
  bool tiff = bytes[0] == 'I' || bytes[0] == 'M';
  if (tiff && read && read->channels == 4)  // OpenCV multiplies by alpha
    for (size_t i = 3; i < read->pixels.size(); i += 4)
      if (read->pixels[i] != 255) return "a TIFF with transparent pixels";
  return "";
}

void refuse_otherwise_read(Bytes bytes, std::string_view name, const Image* read) {
  std::string what = otherwise_read(bytes, read);
  if (!what.empty()) fail(ErrorKind::data, "{}: {}, which is not read", name, what);
}

}  // namespace

Image decode_other(Bytes bytes, std::string_view name, ColorMode mode) {
  static OpenCvDecode* const opencv_decode = find_decode();
  if (!opencv_decode)
    fail(ErrorKind::data,
         "{}: only JPEG and PNG can be read here, because libmanul_opencv_codecs.so was not built or is not "
         "found",
         name);
  refuse_otherwise_read(bytes, name, nullptr);
  Image read;
  std::string reason;
  if (!opencv_decode(bytes, read, reason)) fail(ErrorKind::data, "{}: {}", name, reason);
  refuse_otherwise_read(bytes, name, &read);
  if (read.channels == channels_of(mode)) return read;
  Image image(read.height, read.width, channels_of(mode));
  convert(read.pixels.data(), read.channels, mode, image.pixels.data(), size_t(image.height) * image.width);
  return image;
}

void draw(Image& image, const std::vector<Drawing::Command>& commands) {
  find_decode();  // OpenCV reads its limit when it is loaded
  std::string reason;
  OpenCvDraw* opencv_draw = find_draw(reason);
  if (!opencv_draw) fail(ErrorKind::failed, "nothing can be drawn: {}", reason);
  check(image.channels == 3 && !image.pixels.empty(), "drawing: a picture of {} channels, not RGB",
        image.channels);
  if (!opencv_draw(image, commands, reason)) fail(ErrorKind::failed, "drawing: {}", reason);
}

}  // namespace manul::codec
