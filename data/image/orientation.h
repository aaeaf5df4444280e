#pragma once

#include <cstdint>
#include <span>

#include "manul/data/image/image.h"

namespace manul {

/// The EXIF orientation of a JPEG file, 1 to 8; 1, which is as the pixels are stored, if it says none.
int exif_orientation(std::span<const uint8_t> jpeg);

/// The picture as it is meant to be seen: turned and mirrored as EXIF's `orientation` says.
Image oriented(const Image& image, int orientation);

}  // namespace manul
