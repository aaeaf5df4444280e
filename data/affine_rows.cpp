#include "data/affine_rows.h"

#include <cstring>
#include <vector>

namespace manul {
namespace {

constexpr int widest = 1024;  // pixels a row

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
    for (int i = 0; i < width; ++i) {
      uint32_t pixel = 0;
      for (int c = 0; c < channels; ++c) pixel |= uint32_t{from[i * channels + c]} << (8 * c);
      to[i] = pixel;
    }
  }

  int stride_;
  uint32_t* pixels_;
};

/// The upper left neighbour of each pixel of a row, and the weights.
struct Row {
  alignas(64) double y[widest], x[widest];
  alignas(64) double upper[widest], left[widest];
  alignas(64) int32_t index[widest];
};

void locate(const AffineMap& map, int row, int width, Row& work) {
  double y_row = row * map.row_row, x_row = row * map.column_row;
  for (int j = 0; j < width; ++j) {
    work.y[j] = y_row + j * map.row_column + map.row_offset;
    work.x[j] = x_row + j * map.column_column + map.column_offset;
  }
}

void fold_row(double* positions, int width, int n, FillMode mode) {
  double last = n - 1;
  if (mode == FillMode::nearest) {
    for (int j = 0; j < width; ++j) {
      double x = positions[j] < 0 ? 0.0 : positions[j];
      positions[j] = x > last ? last : x;
    }
  } else {
    for (int j = 0; j < width; ++j) positions[j] = fold(positions[j], n, mode);
  }
}

/// floor of a number that an int holds.
int floor_of(double x) {
  int whole = static_cast<int>(x);
  return whole - (x < whole ? 1 : 0);
}

void weigh(int width, int stride, Row& work) {
  for (int j = 0; j < width; ++j) {
    int y = floor_of(work.y[j]), x = floor_of(work.x[j]);
    work.upper[j] = 1 - (work.y[j] - y);
    work.left[j] = 1 - (work.x[j] - x);
    work.index[j] = y * stride + x;
  }
}

/// Weighted sums of the four neighbours in SciPy's order, times scale, to every `channels`-th float of `to`.
template <int channels, bool flip>
void blend(const PaddedPicture& picture, const Row& work, int width, float scale, float* __restrict to) {
  const uint32_t* origin = picture.origin();
  int stride = picture.stride();
  for (int j = 0; j < width; ++j) {
    const uint32_t* pixel = origin + work.index[j];
    uint32_t p00 = pixel[0], p01 = pixel[1], p10 = pixel[stride], p11 = pixel[stride + 1];
    double upper = work.upper[j], lower = 1 - upper, left = work.left[j], right = 1 - left;
    float* result = to + (flip ? width - 1 - j : j) * channels;
    for (int c = 0; c < channels; ++c) {
      auto value = [c](uint32_t p) { return static_cast<double>(static_cast<int>(p >> (8 * c) & 255)); };
      double sum = value(p00) * upper * left;
      sum += value(p01) * upper * right;
      sum += value(p10) * lower * left;
      sum += value(p11) * lower * right;
      result[c] = scale * static_cast<float>(sum);
    }
  }
}

template <int channels>
void resample_picture(const PaddedPicture& padded, int height, int width, const Transform& transform,
                      const AugmentOptions& options, float scale, float* output) {
  AffineMap map = make_affine_map(transform.affine, height, width);
  static thread_local Row work;
  for (int row = 0; row < height; ++row) {
    locate(map, row, width, work);
    fold_row(work.y, width, height, options.fill_mode);
    fold_row(work.x, width, width, options.fill_mode);
    weigh(width, padded.stride(), work);
    float* to = output + int64_t{transform.flip_vertical ? height - 1 - row : row} * width * channels;
    if (transform.flip_horizontal) {
      blend<channels, true>(padded, work, width, scale, to);
    } else {
      blend<channels, false>(padded, work, width, scale, to);
    }
    if (options.fill_mode != FillMode::constant) continue;
    for (int j = 0; j < width; ++j)
      if (work.y[j] <= -1 || work.x[j] <= -1)
        for (int c = 0; c < channels; ++c)
          to[(transform.flip_horizontal ? width - 1 - j : j) * channels + c] = scale * options.cval;
  }
}

}  // namespace

bool can_resample_rows(int height, int width, int channels, int interpolation_order) {
  return interpolation_order == 1 && width <= widest && height <= widest &&
         (channels == 1 || channels == 3 || channels == 4);
}

void resample_rows(const uint8_t* picture, int height, int width, int channels, const Transform& transform,
                   const AugmentOptions& options, float scale, float* output) {
  static thread_local std::vector<uint32_t> memory;
  PaddedPicture padded(picture, height, width, channels, memory);
  if (channels == 3) {
    resample_picture<3>(padded, height, width, transform, options, scale, output);
  } else if (channels == 1) {
    resample_picture<1>(padded, height, width, transform, options, scale, output);
  } else {
    resample_picture<4>(padded, height, width, transform, options, scale, output);
  }
}

}  // namespace manul
