#include "manul/data/image/image_io.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

/// A picture of any format; the first byte says in which colours and how large it is wanted.
void read_picture(Bytes bytes) {
  if (bytes.empty()) return;
  ImageOptions options;
  constexpr ColorMode modes[] = {ColorMode::rgb, ColorMode::grayscale, ColorMode::rgba};
  options.color_mode = modes[bytes[0] % 3];
  if (bytes[0] & 4) options.height = 1 + bytes[0] % 61, options.width = 1 + bytes[0] % 37;
  options.keep_aspect_ratio = bytes[0] & 8;
  accept_or_refuse([&] { decode_image(bytes.subspan(1), "picture", options); });
}

const Registration registered({"picture",
                               read_picture,
                               {"\xff\xd8", "\xff\xd9", "\xff\xda", "\xff\xc4", "\xff\xc2",
                                "\x89PNG\r\n\x1a\n", "IHDR", "PLTE", "tRNS", "IDAT", "IEND", "BM", "P6\n",
                                "P5\n", "II*", "MM", "RIFF", "WEBP"}});

}  // namespace
}  // namespace manul::fuzz
