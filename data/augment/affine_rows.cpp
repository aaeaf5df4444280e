#include "manul/data/augment/affine_rows.h"

#include <cstring>
#include <vector>

#include "manul/data/augment/affine_source.h"
#include "manul/framework/cpu/vector.h"

namespace manul {
namespace {

constexpr int widest = 1024;  // pixels a row; whole vectors

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

void weigh(int padded, int stride, Row& work) {
  for (int j = 0; j < padded; ++j) {
    Floor y = floored(work.y[j]), x = floored(work.x[j]);
    work.upper[j] = 1 - (work.y[j] - y.value);
    work.left[j] = 1 - (work.x[j] - x.value);
    work.index[j] = y.integer * stride + x.integer;
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

}  // namespace

bool can_resample_rows(int height, int width, int channels, int interpolation_order) {
  return interpolation_order == 1 && width <= widest && height <= widest &&
         (channels == 1 || channels == 3 || channels == 4);
}

void resample_rows(const uint8_t* picture, int height, int width, int channels, const Transform& transform,
                   const AugmentOptions& options, float scale, float* output) {
  static thread_local std::vector<uint32_t> memory;
  PaddedPicture padded(picture, height, width, channels, memory);
  bool level = make_affine_map(transform.affine, height, width).row_column == 0;
  if (level && channels > 1) {
    resample_level_rows(padded, height, width, channels, transform, options, scale, output);
  } else if (channels == 3) {
    resample_picture<3>(padded, height, width, transform, options, scale, output);
  } else if (channels == 1) {
    resample_picture<1>(padded, height, width, transform, options, scale, output);
  } else {
    resample_picture<4>(padded, height, width, transform, options, scale, output);
  }
}

}  // namespace manul
