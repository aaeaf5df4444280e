#include "manul/data/image/orientation.h"

#include <algorithm>
#include <cstring>

namespace manul {
namespace {

using Bytes = std::span<const uint8_t>;

/// Numbers of a TIFF structure, whose first two bytes say which byte comes first; 0 beyond its end.
struct Tiff {
  Bytes bytes;
  bool little;

  uint32_t number(size_t at, size_t length) const {
    uint32_t value = 0;
    if (at > bytes.size() || length > bytes.size() - at) return 0;
    for (size_t i = 0; i < length; ++i) value = value << 8 | bytes[little ? at + length - 1 - i : at + i];
    return value;
  }
};

constexpr uint32_t orientation_tag = 0x112, short_type = 3;

/// In the first directory of the TIFF that follows "Exif\0\0".
int orientation_in(Bytes segment) {
  constexpr size_t header = 6;
  if (segment.size() < header + 8 || std::memcmp(segment.data(), "Exif\0\0", header) != 0) return 1;
  Tiff tiff{segment.subspan(header), segment[header] == 'I'};
  size_t directory = tiff.number(4, 4);
  size_t entries = tiff.number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.bytes.size()) break;
    if (tiff.number(entry, 2) != orientation_tag || tiff.number(entry + 2, 2) != short_type) continue;
    auto value = static_cast<int>(tiff.number(entry + 8, 2));
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

}  // namespace

int exif_orientation(Bytes jpeg) {
  constexpr uint8_t application_1 = 0xE1, start_of_scan = 0xDA;
  for (size_t at = 2; at + 4 <= jpeg.size() && jpeg[at] == 0xFF;) {
    uint8_t marker = jpeg[at + 1];
    size_t length = size_t{jpeg[at + 2]} << 8 | jpeg[at + 3];
    if (marker == start_of_scan || length < 2 || length > jpeg.size() - at - 2) break;
    Bytes segment = jpeg.subspan(at + 4, length - 2);
    if (marker == application_1 && segment.size() > 6 && segment[0] == 'E') return orientation_in(segment);
    at += 2 + length;
  }
  return 1;
}

Image oriented(const Image& image, int orientation) {
  if (orientation <= 1 || orientation > 8 || image.pixels.empty()) return image;
  bool transposed = orientation >= 5;
  // Of the stored picture, along each axis of it: 2, 3, 7 and 8 run from right to left, 3, 4, 6 and 7
  // upwards.
  bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image result(transposed ? image.width : image.height, transposed ? image.height : image.width,
               image.channels);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      int row = transposed ? x : y, column = transposed ? y : x;
      if (from_bottom) row = image.height - 1 - row;
      if (from_right) column = image.width - 1 - column;
      std::copy_n(image.row(row) + size_t(column) * image.channels, image.channels,
                  result.row(y) + size_t(x) * image.channels);
    }
  result.warning = image.warning;
  return result;
}

}  // namespace manul
