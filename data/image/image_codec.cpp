#include "manul/data/image/image_codec.h"

#include <cstring>

#include "manul/data/image/image_io.h"
#include "manul/framework/error.h"

namespace manul::codec {

void check_size(std::string_view name, int64_t height, int64_t width) {
  if (height <= 0 || width <= 0) fail(ErrorKind::data, "{}: a picture of {}x{} pixels", name, width, height);
  if (width > most_pixels / height)
    fail(ErrorKind::data, "{}: {}x{} pixels are more than the {} that are read", name, width, height,
         most_pixels);
}

void convert(const uint8_t* from, int channels, ColorMode mode, uint8_t* to, size_t pixels) {
  bool gray = channels <= 2, alpha = channels % 2 == 0;
  int wanted = channels_of(mode);
  if (channels == wanted) {
    std::memcpy(to, from, pixels * channels);
    return;
  }
  for (size_t i = 0; i < pixels; ++i, from += channels, to += wanted) {
    if (mode == ColorMode::grayscale) {
      to[0] = gray ? from[0] : luma(from);
      continue;
    }
    for (int c = 0; c < 3; ++c) to[c] = from[gray ? 0 : c];
    if (mode == ColorMode::rgba) to[3] = alpha ? from[channels - 1] : 255;
  }
}

}  // namespace manul::codec
