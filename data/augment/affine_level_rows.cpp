#include <algorithm>
#include <cstring>
#include <vector>

#include "manul/data/augment/affine_source.h"
#include "manul/framework/cpu/vector.h"

namespace manul {
namespace {

constexpr int lanes = cpu::lanes<double>;

/// The channels of one pixel.
using Quad = double __attribute__((vector_size(32), aligned(8), may_alias));

/// A row in the making whose pixels all come from the same two source rows, as without rotation.
class LevelRow {
 public:
  LevelRow(const PaddedPicture& picture, int padded, std::vector<double>& memory)
      : values_(int64_t{4} * picture.stride()),
        pixels_(reinterpret_cast<const uint8_t*>(picture.origin() - 1)) {
    constexpr size_t line = 64;
    memory.resize(int64_t{5} * padded + 4 * values_ + line / sizeof(double));
    // A pixel's vector must not lie across two cache lines.
    columns =
        memory.data() + (line - reinterpret_cast<uintptr_t>(memory.data()) % line) % line / sizeof(double);
    x = columns + padded;
    left = x + padded;
    right = left + padded;
    upper = right + padded;
    lower = upper + values_;
    widened_ = lower + values_;
    index = reinterpret_cast<int32_t*>(widened_ + 2 * values_);
  }

  /// Fills `upper` and `lower` from the rows around `y`.
  void weigh_rows(double y) {
    Floor row = floored(y);
    double weight = 1 - (y - row.value);
    weigh(row.integer, weight, upper);
    weigh(row.integer + 1, 1 - weight, lower);
  }

  double* columns;           // the columns' part of the positions
  double *x, *left, *right;  // position in the source, weights of its neighbours
  double *upper, *lower;     // the source rows times their weights, borders included, four channels a pixel
  int32_t* index;            // of the left neighbour

 private:
  /// Neighbouring rows of the result mostly need the same source rows, so two stay as numbers.
  void weigh(int row, double weight, double* __restrict to) {
    const int64_t slot = row & 1, values = values_;
    double* __restrict from = widened_ + slot * values;
    if (rows_[slot] != row) {
      const uint8_t* bytes = pixels_ + row * values;
      for (int64_t i = 0; i < values; ++i) from[i] = bytes[i];
      rows_[slot] = row;
    }
    for (int64_t i = 0; i < values; ++i) to[i] = from[i] * weight;
  }

  int64_t values_;  // of a source row
  const uint8_t* pixels_;
  double* widened_;
  int rows_[2] = {-2, -2};  // none
};

[[gnu::noinline]] void locate_level(const AffineMap& map, int row, int width, int padded, FillMode mode,
                                    LevelRow& work) {
  double x_row = row * map.column_row, offset = map.column_offset;
  const double* columns = work.columns;
  double* __restrict x = work.x;
  for (int j = 0; j < padded; ++j) x[j] = x_row + columns[j] + offset;
  fold_row(x, padded, width, mode);
  double* __restrict left = work.left, * __restrict right = work.right;
  int32_t* __restrict index = work.index;
  for (int j = 0; j < padded; ++j) {
    Floor floor = floored(x[j]);
    left[j] = 1 - (x[j] - floor.value);
    right[j] = 1 - left[j];
    index[j] = floor.integer + 1;
  }
}

/// Sums of four neighbours in SciPy's order, times scale.
template <int channels>
[[gnu::noinline]] void blend_level(const LevelRow& work, int width, float scale, float* to) {
  using Floats = float __attribute__((vector_size(16)));
  // Copies, because the compiler takes what is written for a part of `work`.
  const double *lefts = work.left, *rights = work.right;
  auto *uppers = reinterpret_cast<const Quad*>(work.upper),
       *lowers = reinterpret_cast<const Quad*>(work.lower);
  const int32_t* index = work.index;
  auto blended = [=](int64_t j) -> Floats {
    const Quad *upper = uppers + index[j], *lower = lowers + index[j];
    double left = lefts[j], right = rights[j];
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
  LevelRow work(picture, padded, memory);
  int first = transform.flip_horizontal ? width - 1 : 0, step = transform.flip_horizontal ? -1 : 1;
  for (int j = 0; j < padded; ++j) work.columns[j] = (first + step * j) * map.column_column;
  for (int row = 0; row < height; ++row) {
    float* to = output + int64_t{transform.flip_vertical ? height - 1 - row : row} * width * channels;
    double y = fold(row * map.row_row + map.row_offset, height, options.fill_mode);
    if (constant && y <= -1) {
      std::fill_n(to, width * channels, outside);
      continue;
    }
    locate_level(map, row, width, padded, options.fill_mode, work);
    work.weigh_rows(y);
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
