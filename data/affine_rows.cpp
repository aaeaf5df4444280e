#include "data/affine_rows.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "framework/cpu/vector.h"

namespace manul {
namespace {

constexpr int widest = 1024;  // pixels a row; whole vectors

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

using Double = cpu::Vector<double>;
constexpr int lanes = cpu::lanes<double>;
using Int = int32_t __attribute__((vector_size(4 * lanes)));
using Float = float __attribute__((vector_size(4 * lanes)));

/// A row in the making, one array a stage, whole vectors long: what lies beyond the row's end is computed,
/// too.
struct Row {
  alignas(64) double y[widest], x[widest];         // positions in the source, then folded
  alignas(64) double upper[widest], left[widest];  // weights of the upper left neighbour
  alignas(64) int32_t index[widest];               // where it is
  alignas(64) uint32_t upper_left[widest], upper_right[widest], lower_left[widest], lower_right[widest];
  alignas(64) float planes[4][widest];  // blended
};

/// Source positions of the pixels of output row `row`; with `flip` from its right end on.
void locate(const AffineMap& map, int row, int width, int padded, bool flip, Row& work) {
  double y_row = row * map.row_row, x_row = row * map.column_row;
  int first = flip ? width - 1 : 0, step = flip ? -1 : 1;
  for (int j = 0; j < padded; ++j) {
    double column = first + step * j;
    work.y[j] = y_row + column * map.row_column + map.row_offset;
    work.x[j] = x_row + column * map.column_column + map.column_offset;
  }
}

void fold_row(double* positions, int padded, int n, FillMode mode) {
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

/// floor of a number that an int holds.
int floor_of(double x) {
  int whole = static_cast<int>(x);
  return whole - (x < whole ? 1 : 0);
}

void weigh(int padded, int stride, Row& work) {
  for (int j = 0; j < padded; ++j) {
    int y = floor_of(work.y[j]), x = floor_of(work.x[j]);
    work.upper[j] = 1 - (work.y[j] - y);
    work.left[j] = 1 - (work.x[j] - x);
    work.index[j] = y * stride + x;
  }
}

void gather(const uint32_t* __restrict from, const int32_t* __restrict index, int padded,
            uint32_t* __restrict to) {
  for (int j = 0; j < padded; ++j) to[j] = from[index[j]];
}

void gather_neighbours(const PaddedPicture& picture, int padded, Row& work) {
  const uint32_t* origin = picture.origin();
  int stride = picture.stride();
  gather(origin, work.index, padded, work.upper_left);
  gather(origin + 1, work.index, padded, work.upper_right);
  gather(origin + stride, work.index, padded, work.lower_left);
  gather(origin + stride + 1, work.index, padded, work.lower_right);
}

/// Weighted sums of the four neighbours in SciPy's order, times scale.
template <int channels>
void blend(int padded, float scale, Row& work) {
  auto channel = [](const uint32_t* pixels, int c) {
    Int value;
    std::memcpy(&value, pixels, sizeof value);
    return __builtin_convertvector(value >> (8 * c) & 255, Double);
  };
  for (int j = 0; j < padded; j += lanes) {
    Double upper = cpu::load(work.upper + j), lower = 1 - upper;
    Double left = cpu::load(work.left + j), right = 1 - left;
    for (int c = 0; c < channels; ++c) {
      Double sum = channel(work.upper_left + j, c) * upper * left;
      sum += channel(work.upper_right + j, c) * upper * right;
      sum += channel(work.lower_left + j, c) * lower * left;
      sum += channel(work.lower_right + j, c) * lower * right;
      Float value = scale * __builtin_convertvector(sum, Float);
      std::memcpy(work.planes[c] + j, &value, sizeof value);
    }
  }
}

void fill_outside(int padded, float value, Row& work) {
  for (int j = 0; j < padded; ++j)
    if (work.y[j] <= -1 || work.x[j] <= -1)
      for (auto& plane : work.planes) plane[j] = value;
}

template <int channels>
void interleave(const Row& work, int width, float* __restrict to) {
  for (int j = 0; j < width; ++j)
    for (int c = 0; c < channels; ++c) to[j * channels + c] = work.planes[c][j];
}

template <int channels>
void resample_picture(const PaddedPicture& picture, int height, int width, const Transform& transform,
                      const AugmentOptions& options, float scale, float* output) {
  AffineMap map = make_affine_map(transform.affine, height, width);
  int padded = (width + lanes - 1) / lanes * lanes;
  static thread_local Row work;
  for (int row = 0; row < height; ++row) {
    locate(map, row, width, padded, transform.flip_horizontal, work);
    fold_row(work.y, padded, height, options.fill_mode);
    fold_row(work.x, padded, width, options.fill_mode);
    weigh(padded, picture.stride(), work);
    gather_neighbours(picture, padded, work);
    blend<channels>(padded, scale, work);
    if (options.fill_mode == FillMode::constant) fill_outside(padded, scale * options.cval, work);
    int to_row = transform.flip_vertical ? height - 1 - row : row;
    interleave<channels>(work, width, output + int64_t{to_row} * width * channels);
  }
}

/// The channels of one pixel.
using Quad = double __attribute__((vector_size(32), aligned(8), may_alias));

/// A row in the making whose pixels all come from the same two source rows, as without rotation.
struct LevelRow {
  LevelRow(int padded, int stride, std::vector<double>& memory) {
    memory.resize(4 * size_t(padded) + 8 * size_t(stride) + 4);
    x = memory.data();
    left = x + padded;
    right = left + padded;
    upper = right + padded;
    lower = upper + 4 * stride;
    index = reinterpret_cast<int32_t*>(lower + 4 * stride);
  }

  double *x, *left, *right;  // position in the source, weights of its neighbours
  double *upper, *lower;     // the source rows times their weights, borders included, four channels a pixel
  int32_t* index;            // of the left neighbour
};

[[gnu::noinline]] void locate_level(const AffineMap& map, int row, int width, int padded, bool flip,
                                    FillMode mode, const LevelRow& work) {
  double x_row = row * map.column_row;
  int first = flip ? width - 1 : 0, step = flip ? -1 : 1;
  for (int j = 0; j < padded; ++j) {
    double column = first + step * j;
    work.x[j] = x_row + column * map.column_column + map.column_offset;
  }
  fold_row(work.x, padded, width, mode);
  for (int j = 0; j < padded; ++j) {
    int x = floor_of(work.x[j]);
    work.left[j] = 1 - (work.x[j] - x);
    work.right[j] = 1 - work.left[j];
    work.index[j] = x + 1;
  }
}

/// bytes * weight: the channels of a row of pixels, four each.
[[gnu::noinline]] void weigh_bytes(const uint8_t* __restrict bytes, int count, double weight,
                                   double* __restrict to) {
  for (int i = 0; i < count; ++i) to[i] = bytes[i] * weight;
}

/// Sums of four neighbours in SciPy's order, times scale.
template <int channels>
[[gnu::noinline]] void blend_level(const LevelRow& work, int width, float scale, float* to) {
  using Floats = float __attribute__((vector_size(16)));
  auto blended = [&work, scale](int j) -> Floats {
    auto* upper = reinterpret_cast<const Quad*>(work.upper) + work.index[j];
    auto* lower = reinterpret_cast<const Quad*>(work.lower) + work.index[j];
    double left = work.left[j], right = work.right[j];
    Quad sum = upper[0] * left;
    sum += upper[1] * right;
    sum += lower[0] * left;
    sum += lower[1] * right;
    return scale * __builtin_convertvector(sum, Floats);
  };
  for (int j = 0; j + 1 < width; ++j) {
    Floats value = blended(j);
    std::memcpy(to + j * channels, &value, sizeof value);  // what is too much is written over
  }
  Floats last = blended(width - 1);
  std::memcpy(to + (width - 1) * channels, &last, channels * sizeof(float));
}

/// The same as resample_picture where the map leaves rows level: the rows are weighed once, and a pixel's
/// channels lie in one vector.
template <int channels>
void resample_level_picture(const PaddedPicture& picture, int height, int width, const Transform& transform,
                            const AugmentOptions& options, float scale, float* output) {
  AffineMap map = make_affine_map(transform.affine, height, width);
  int padded = (width + lanes - 1) / lanes * lanes;
  bool constant = options.fill_mode == FillMode::constant;
  float outside = scale * options.cval;
  static thread_local std::vector<double> memory;
  LevelRow work(padded, picture.stride(), memory);
  for (int row = 0; row < height; ++row) {
    float* to = output + int64_t{transform.flip_vertical ? height - 1 - row : row} * width * channels;
    double y = fold(row * map.row_row + map.row_offset, height, options.fill_mode);
    if (constant && y <= -1) {
      std::fill_n(to, width * channels, outside);
      continue;
    }
    locate_level(map, row, width, padded, transform.flip_horizontal, options.fill_mode, work);
    int upper_row = floor_of(y);
    double upper = 1 - (y - upper_row);
    auto* pixels =
        reinterpret_cast<const uint8_t*>(picture.origin() - 1 + int64_t{upper_row} * picture.stride());
    weigh_bytes(pixels, 4 * picture.stride(), upper, work.upper);
    weigh_bytes(pixels + 4 * picture.stride(), 4 * picture.stride(), 1 - upper, work.lower);
    blend_level<channels>(work, width, scale, to);
    for (int j = 0; constant && j < width; ++j)
      if (work.x[j] <= -1) std::fill_n(to + j * channels, channels, outside);
  }
}

template <int channels>
void resample(const PaddedPicture& picture, int height, int width, const Transform& transform,
              const AugmentOptions& options, float scale, float* output) {
  bool level = make_affine_map(transform.affine, height, width).row_column == 0;
  if (level && channels > 1)
    resample_level_picture<channels>(picture, height, width, transform, options, scale, output);
  else
    resample_picture<channels>(picture, height, width, transform, options, scale, output);
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
    resample<3>(padded, height, width, transform, options, scale, output);
  } else if (channels == 1) {
    resample<1>(padded, height, width, transform, options, scale, output);
  } else {
    resample<4>(padded, height, width, transform, options, scale, output);
  }
}

}  // namespace manul
