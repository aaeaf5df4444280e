#include <algorithm>
#include <cstring>
#include <vector>

#include "data/affine_source.h"
#include "framework/cpu/vector.h"

namespace manul {
namespace {

constexpr int lanes = cpu::lanes<double>;

/// The channels of one pixel.
using Quad = double __attribute__((vector_size(32), aligned(8), may_alias));

/// A row in the making whose pixels all come from the same two source rows, as without rotation.
struct LevelRow {
  LevelRow(int64_t padded, int64_t stride, std::vector<double>& memory) {
    constexpr size_t line = 64;
    memory.resize(4 * padded + 8 * stride + line / sizeof(double));
    // A pixel's vector must not lie across two cache lines.
    x = memory.data() + (line - reinterpret_cast<uintptr_t>(memory.data()) % line) % line / sizeof(double);
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
  auto blended = [&work, scale](int64_t j) -> Floats {
    auto* upper = reinterpret_cast<const Quad*>(work.upper) + work.index[j];
    auto* lower = reinterpret_cast<const Quad*>(work.lower) + work.index[j];
    double left = work.left[j], right = work.right[j];
    Quad sum = upper[0] * left;
    sum += upper[1] * right;
    sum += lower[0] * left;
    sum += lower[1] * right;
    return scale * __builtin_convertvector(sum, Floats);
  };
  for (int64_t j = 0; j + 1 < width; ++j) {
    Floats value = blended(j);
    std::memcpy(to + j * channels, &value, sizeof value);  // what is too much is written over
  }
  Floats last = blended(width - 1);
  std::memcpy(to + int64_t{width - 1} * channels, &last, channels * sizeof(float));
}

/// The source rows are weighed once for a row of the result, and a pixel's channels lie in one vector.
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
    int bytes = 4 * picture.stride();
    weigh_bytes(pixels, bytes, upper, work.upper);
    weigh_bytes(pixels + bytes, bytes, 1 - upper, work.lower);
    blend_level<channels>(work, width, scale, to);
    for (int64_t j = 0; constant && j < width; ++j)
      if (work.x[j] <= -1) std::fill_n(to + j * channels, channels, outside);
  }
}

}  // namespace

void resample_level_rows(const PaddedPicture& picture, int height, int width, int channels,
                         const Transform& transform, const AugmentOptions& options, float scale,
                         float* output) {
  auto resample = channels == 3 ? resample_level_picture<3> : resample_level_picture<4>;
  resample(picture, height, width, transform, options, scale, output);
}

}  // namespace manul
