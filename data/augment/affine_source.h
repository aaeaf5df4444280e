#pragma once

#include <cstring>
#include <vector>

#include "manul/data/augment/augment.h"

// What the loops over whole rows of an affine map share.
namespace manul {

/// The picture with four bytes a pixel, so that one load brings all channels, and with its border pixels
/// repeated once on every side, so that the neighbours of any folded position exist.
class PaddedPicture {
 public:
  PaddedPicture(const uint8_t* picture, int height, int width, int channels, std::vector<uint32_t>& memory)
      : stride_(width + 2) {
    memory.resize(size_t(height + 2) * stride_);
    pixels_ = memory.data();
    for (int row = 0; row < height; ++row) {
      uint32_t* to = pixels_ + size_t(row + 1) * stride_;
      const uint8_t* from = picture + size_t(row) * width * channels;
      if (channels == 3) {
        widen<3>(from, width, to + 1);
      } else if (channels == 1) {
        widen<1>(from, width, to + 1);
      } else {
        widen<4>(from, width, to + 1);
      }
      to[0] = to[1];
      to[width + 1] = to[width];
    }
    std::memcpy(pixels_, pixels_ + stride_, stride_ * sizeof(uint32_t));
    std::memcpy(pixels_ + size_t(height + 1) * stride_, pixels_ + size_t(height) * stride_,
                stride_ * sizeof(uint32_t));
  }

  int stride() const { return stride_; }
  /// The pixel at (0, 0); one row and one column more on every side may be read.
  const uint32_t* origin() const { return pixels_ + stride_ + 1; }

 private:
  template <int channels>
  static void widen(const uint8_t* from, int width, uint32_t* to) {
    int64_t i = 0;
    if constexpr (channels == 3) {
      using Bytes = uint8_t __attribute__((vector_size(16)));
      for (; i + 6 <= width; i += 4) {  // four pixels of the sixteen bytes that are read
        Bytes bytes;
        std::memcpy(&bytes, from + i * 3, sizeof bytes);
        bytes = __builtin_shufflevector(bytes, bytes, 0, 1, 2, 15, 3, 4, 5, 15, 6, 7, 8, 15, 9, 10, 11, 15);
        std::memcpy(to + i, &bytes, sizeof bytes);
      }
    }
    for (; i < width; ++i) {
      uint32_t pixel = 0;
      for (int c = 0; c < channels; ++c) pixel |= uint32_t{from[i * channels + c]} << (8 * c);
      to[i] = pixel;
    }
  }

  int stride_;
  uint32_t* pixels_;
};

/// The positions along one axis of length `n`, folded.
inline void fold_row(double* positions, int padded, int n, FillMode mode) {
  double last = n - 1;
  if (mode == FillMode::nearest) {
    for (int j = 0; j < padded; ++j) {
      double x = positions[j] < 0 ? 0.0 : positions[j];
      positions[j] = x > last ? last : x;
    }
  } else {
    for (int j = 0; j < padded; ++j) positions[j] = fold(positions[j], n, mode);
  }
}

/// Resamples a picture under a map that keeps rows level (row_column == 0, as without rotation), to the bit
/// as sample_affine does: flipped as `transform` says and times `scale`. 3 or 4 channels, bilinear.
void resample_level_rows(const PaddedPicture& picture, int height, int width, int channels,
                         const Transform& transform, const AugmentOptions& options, float scale,
                         float* output);

}  // namespace manul
