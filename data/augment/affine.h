#pragma once

#include <cmath>
#include <cstdint>

#include "manul/framework/host_device.h"

// The geometry of Keras' augmentation: from a picture's position to the one it is read from, one pixel at a
// time. The arithmetic is that of keras.preprocessing.image.apply_affine_transform and of
// scipy.ndimage.affine_transform, operation by operation and without fused multiply-add, so that results are
// equal to the bit.
namespace manul {

/// How a picture goes on past its edge: |abcd| continues as dddd, dcba, bcda or the constant.
enum class FillMode { nearest, reflect, wrap, constant };

/// Keras' parameters, angles in degrees. Positive tx and ty move the picture left and up; zx and zy below 1
/// magnify.
struct AffineParameters {
  double theta = 0;
  double tx = 0;  // columns
  double ty = 0;  // rows
  double shear = 0;
  double zx = 1;
  double zy = 1;

  MANUL_HOST_DEVICE bool is_identity() const {
    return theta == 0 && tx == 0 && ty == 0 && shear == 0 && zx == 1 && zy == 1;
  }
};

/// source row = row * row_row + column * row_column + row_offset, and the same for the source column.
struct AffineMap {
  double row_row, row_column, row_offset;
  double column_row, column_column, column_offset;
};

/// Rotation * shift * shear * zoom about the centre, then both axes swapped, as Keras does. The centre uses
/// height and width before the swap, so it is off for pictures that are not square: Keras' own error, kept.
MANUL_HOST_DEVICE inline AffineMap make_affine_map(const AffineParameters& p, int height, int width) {
  constexpr double degree = 3.14159265358979323846 / 180;
  double theta = p.theta * degree, shear = p.shear * degree;
  // For 0 they are known, and on a GPU the whole picture would wait for them.
  double sine = theta == 0 ? theta : std::sin(theta), cosine = theta == 0 ? 1 : std::cos(theta);
  double shear_sine = -(shear == 0 ? shear : std::sin(shear)),
         shear_cosine = shear == 0 ? 1 : std::cos(shear);
  // Rows of R * T * S * Z; the last row of each factor is 0 0 1.
  double x_shift = cosine * p.tx + -sine * p.ty, y_shift = sine * p.tx + cosine * p.ty;
  double xx = cosine * p.zx, xy = (cosine * shear_sine + -sine * shear_cosine) * p.zy;
  double yx = sine * p.zx, yy = (sine * shear_sine + cosine * shear_cosine) * p.zy;
  double x_centre = height / 2.0 - 0.5, y_centre = width / 2.0 - 0.5;
  double x_offset = xx * -x_centre + xy * -y_centre + (x_shift + x_centre);
  double y_offset = yx * -x_centre + yy * -y_centre + (y_shift + y_centre);
  return {yy, yx, y_offset, xy, xx, x_offset};
}

/// A coordinate folded into (-1, n), by SciPy's rules: `wrap` has the period n - 1. For `constant`, -1 means
/// outside.
MANUL_HOST_DEVICE inline double fold(double x, int n, FillMode mode) {
  double last = n - 1;
  if (x >= 0 && x <= last) return x;
  switch (mode) {
    case FillMode::nearest:
      return x < 0 ? 0 : last;
    case FillMode::constant:
      return -1;
    case FillMode::wrap: {
      if (n == 1) return 0;
      double turns = std::trunc((x < 0 ? -x : x) / last);
      return x < 0 ? x + last * (turns + 1) : x - last * turns;
    }
    case FillMode::reflect: {
      double period = 2.0 * n;
      if (x < 0) {
        if (x < -period) x = period * std::trunc(-x / period) + x;
        if (x < -n) return x + period;
        return (x > -2.220446049250313e-16 ? 1e-15 : -x) - 1;
      }
      x -= period * std::trunc(x / period);
      return x >= n ? period - x - 1 : x;
    }
  }
  return 0;
}

/// The greatest integer that is not above x, for |x| < 2^31. GPUs convert slowly between doubles and
/// integers: there the integer is the last bits of a sum that is rounded down.
struct Floor {
  int integer;
  double value;
};
MANUL_HOST_DEVICE inline Floor floored(double x) {
#ifdef __CUDA_ARCH__
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  double sum = __dadd_rd(x, shift);
  return {__double2loint(sum), sum - shift};
#else
  double floor = std::floor(x);
  return {static_cast<int>(floor), floor};
#endif
}

/// Two neighbours on one axis and their weights, or one for interpolation order 0.
struct Neighbours {
  int first, second;
  double first_weight, second_weight;
};

MANUL_HOST_DEVICE inline Neighbours neighbours(double x, int n, int order) {
  auto inside = [n](int i) { return i < 0 ? 0 : i > n - 1 ? n - 1 : i; };
  if (order == 0) {
    int nearest = inside(static_cast<int>(std::floor(x + 0.5)));
    return {nearest, nearest, 1, 0};
  }
  Floor floor = floored(x);
  double first_weight = 1 - (x - floor.value);
  return {inside(floor.integer), inside(floor.integer + 1), first_weight, 1 - first_weight};
}

/// A number that is not negative as a double. GPUs convert slowly: there it becomes the last bits of 2^52,
/// which is taken away again.
MANUL_HOST_DEVICE inline double as_double(uint32_t value) {
#ifdef __CUDA_ARCH__
  return __hiloint2double(0x43300000, value) - 4503599627370496.0;
#else
  return value;
#endif
}

/// Where an output position is read from.
struct SourcePlace {
  Neighbours rows, columns;
  bool outside;  // of the picture: the constant is taken
};

/// The place of output position (row, column) after the affine map.
MANUL_HOST_DEVICE inline SourcePlace source_place(int height, int width, const AffineMap& map, FillMode mode,
                                                  int order, int row, int column) {
  double r = as_double(static_cast<uint32_t>(row)), c = as_double(static_cast<uint32_t>(column));
  double y = fold(r * map.row_row + c * map.row_column + map.row_offset, height, mode);
  double x = fold(r * map.column_row + c * map.column_column + map.column_offset, width, mode);
  return {neighbours(y, height, order), neighbours(x, width, order),
          mode == FillMode::constant && (y <= -1 || x <= -1)};
}

/// The mean of four neighbours, bilinear, from the upper left one on.
MANUL_HOST_DEVICE inline float mix(const SourcePlace& place, uint8_t upper_left, uint8_t upper_right,
                                   uint8_t lower_left, uint8_t lower_right) {
  const Neighbours &rows = place.rows, &columns = place.columns;
  double sum = as_double(upper_left) * rows.first_weight * columns.first_weight;
  sum += as_double(upper_right) * rows.first_weight * columns.second_weight;
  sum += as_double(lower_left) * rows.second_weight * columns.first_weight;
  sum += as_double(lower_right) * rows.second_weight * columns.second_weight;
  return static_cast<float>(sum);
}

/// The value of one channel of a picture u8 [height, width, channels] at a place. `picture` points to the
/// channel of the first pixel.
MANUL_HOST_DEVICE inline float sample_at(const uint8_t* picture, int width, int channels,
                                         const SourcePlace& place, float cval, int order) {
  if (place.outside) return cval;
  const Neighbours &rows = place.rows, &columns = place.columns;
  int64_t stride = int64_t{width} * channels;
  const uint8_t* upper = picture + rows.first * stride;
  int64_t left = int64_t{columns.first} * channels;
  if (order == 0) return upper[left];
  const uint8_t* lower = picture + rows.second * stride;
  int64_t right = int64_t{columns.second} * channels;
  return mix(place, upper[left], upper[right], lower[left], lower[right]);
}

/// The two above in one.
MANUL_HOST_DEVICE inline float sample_affine(const uint8_t* picture, int height, int width, int channels,
                                             const AffineMap& map, FillMode mode, float cval, int order,
                                             int row, int column) {
  return sample_at(picture, width, channels, source_place(height, width, map, mode, order, row, column), cval,
                   order);
}

}  // namespace manul
