#include "manul/data/image/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "manul/data/image/resize_filters.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

constexpr int fixed_bits = 32 - 8 - 2;

/// A tap's weight as the pixel type's arithmetic takes it, and the rounding of a finished sum.
struct Fixed {
  using Weight = int;
  using Sum = int;
  static Weight weight(double value) {
    return static_cast<int>((value < 0 ? -0.5 : 0.5) + value * (1 << fixed_bits));
  }
  static constexpr Sum zero = 1 << (fixed_bits - 1);
  static uint8_t round(Sum sum) { return static_cast<uint8_t>(std::clamp(sum >> fixed_bits, 0, 255)); }
};
struct Wide {
  using Weight = double;
  using Sum = double;
  static Weight weight(double value) { return value; }
  static constexpr Sum zero = 0;
  static uint16_t round(Sum sum) {
    double rounded = sum >= 0 ? std::floor(sum + 0.5) : -std::floor(-sum + 0.5);
    return static_cast<uint16_t>(std::clamp(rounded, 0.0, 65535.0));
  }
};

template <class Arithmetic>
struct RoundedTaps {
  int first = 0;
  std::vector<typename Arithmetic::Weight> weights;
};

template <class Arithmetic>
std::vector<RoundedTaps<Arithmetic>> rounded_taps(const ResizeAxis& axis, Interpolation interpolation) {
  std::vector<RoundedTaps<Arithmetic>> result;
  for (const Taps& taps : taps_of(axis, interpolation)) {
    result.push_back({taps.first, {}});
    for (double weight : taps.weights) result.back().weights.push_back(Arithmetic::weight(weight));
  }
  return result;
}

/// Resamples the columns of [height, axis.length, channels].
template <class Arithmetic, int channels, class Pixel>
std::vector<Pixel> resample_columns(const std::vector<Pixel>& source, int height, const ResizeAxis& axis,
                                    Interpolation interpolation) {
  std::vector<Pixel> result(size_t(height) * axis.target * channels);
  auto all_taps = rounded_taps<Arithmetic>(axis, interpolation);
  Pixel* to = result.data();
  for (int y = 0; y < height; ++y) {
    const Pixel* row = source.data() + size_t(y) * axis.length * channels;
    for (const auto& taps : all_taps) {
      typename Arithmetic::Sum sums[channels];
      std::fill_n(sums, channels, Arithmetic::zero);
      const Pixel* from = row + taps.first * channels;
      for (auto weight : taps.weights)
        for (int c = 0; c < channels; ++c) sums[c] += weight * *from++;
      for (auto sum : sums) *to++ = Arithmetic::round(sum);
    }
  }
  return result;
}

/// Resamples the rows of [axis.length, stride].
template <class Arithmetic, class Pixel>
std::vector<Pixel> resample_rows(const std::vector<Pixel>& source, const ResizeAxis& axis, size_t stride,
                                 Interpolation interpolation) {
  std::vector<Pixel> result(axis.target * stride);
  std::vector<typename Arithmetic::Sum> sums(stride);
  Pixel* to = result.data();
  for (const auto& taps : rounded_taps<Arithmetic>(axis, interpolation)) {
    std::fill(sums.begin(), sums.end(), Arithmetic::zero);
    const Pixel* from = source.data() + taps.first * stride;
    for (auto weight : taps.weights)
      for (auto& sum : sums) sum += weight * *from++;
    to = std::transform(sums.begin(), sums.end(), to, Arithmetic::round);
  }
  return result;
}

/// Pillow begins with the rows where that leaves it clearly less to do; as each pass rounds, the order shows
/// in the result. Found from Pillow 13.0 by trying sizes; earlier ones always begin with the columns.
bool rows_come_first(const ResizeAxes& axes) {
  int fewer_rows = axes.rows.length - axes.rows.target,
      fewer_columns = axes.columns.length - axes.columns.target;
  return fewer_rows > 0 && fewer_rows > 2 * fewer_columns;
}

template <class Arithmetic, class Pixel>
std::vector<Pixel> two_passes(std::vector<Pixel> pixels, const ResizeAxes& axes, int channels,
                              Interpolation interpolation) {
  auto pass_columns = [&](int height) {
    if (!axes.columns.changes()) return;
    auto pass = channels == 1   ? resample_columns<Arithmetic, 1, Pixel>
                : channels == 3 ? resample_columns<Arithmetic, 3, Pixel>
                                : resample_columns<Arithmetic, 4, Pixel>;
    pixels = pass(pixels, height, axes.columns, interpolation);
  };
  auto pass_rows = [&](int width) {
    if (axes.rows.changes())
      pixels = resample_rows<Arithmetic>(pixels, axes.rows, size_t(width) * channels, interpolation);
  };
  if (rows_come_first(axes)) {
    pass_rows(axes.columns.length);
    pass_columns(axes.rows.target);
  } else {
    pass_columns(axes.rows.length);
    pass_rows(axes.columns.target);
  }
  return pixels;
}

template <class Pixel>
std::vector<Pixel> pick(const std::vector<Pixel>& source, int width, int channels,
                        const std::vector<int>& rows, const std::vector<int>& columns) {
  std::vector<Pixel> result(rows.size() * columns.size() * channels);
  Pixel* to = result.data();
  for (int y : rows)
    for (int x : columns) to = std::copy_n(source.data() + (size_t(y) * width + x) * channels, channels, to);
  return result;
}

/// Pillow's general transform, which 16-bit pictures go through, does not accumulate.
std::vector<int> nearest_indices_16(const ResizeAxis& axis) {
  double scale = static_cast<double>(axis.stop - axis.start) / axis.target;
  std::vector<int> indices(axis.target);
  for (int i = 0; i < axis.target; ++i) indices[i] = static_cast<int>(scale * (i + 0.5) + axis.start);
  return indices;
}

/// round(a * b / 255)
uint8_t multiply_255(int a, int b) {
  int t = a * b + 128;
  return static_cast<uint8_t>(((t >> 8) + t) >> 8);
}

void multiply_by_alpha(std::vector<uint8_t>& pixels) {
  for (size_t i = 0; i < pixels.size(); i += 4)
    for (int c = 0; c < 3; ++c) pixels[i + c] = multiply_255(pixels[i + c], pixels[i + 3]);
}

void divide_by_alpha(std::vector<uint8_t>& pixels) {
  for (size_t i = 0; i < pixels.size(); i += 4) {
    int alpha = pixels[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (int c = 0; c < 3; ++c)
      pixels[i + c] = static_cast<uint8_t>(std::min(255 * pixels[i + c] / alpha, 255));
  }
}

}  // namespace

std::span<const std::string_view> interpolation_names() {
  static constexpr std::array<std::string_view, 6> names{"nearest", "bilinear", "bicubic",
                                                         "box",     "hamming",  "lanczos"};
  return names;
}

Interpolation parse_interpolation(std::string_view name) {
  std::span<const std::string_view> names = interpolation_names();
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    fail(ErrorKind::usage, "interpolation: '{}' is none of {}", name, fmt::join(names, ", "));
  return static_cast<Interpolation>(found - names.begin());
}

std::string_view name_of(Interpolation interpolation) {
  return interpolation_names()[static_cast<size_t>(interpolation)];
}

ResizeAxes resize_axes(int height, int width, const ImageOptions& options) {
  ResizeAxes axes{{height, options.height, 0, height}, {width, options.width, 0, width}};
  if (options.height <= 0 || options.width <= 0) {
    axes.rows.target = height;
    axes.columns.target = width;
  } else if (options.keep_aspect_ratio) {
    auto middle = [](ResizeAxis& axis, int64_t wanted) {
      int part = static_cast<int>(std::min<int64_t>(axis.length, wanted));
      axis.start = (axis.length - part) / 2;
      axis.stop = axis.start + part;
    };
    middle(axes.rows, int64_t{width} * options.height / options.width);
    middle(axes.columns, int64_t{height} * options.width / options.height);
  }
  return axes;
}

std::vector<int> nearest_indices(const ResizeAxis& axis) {
  double scale = static_cast<double>(axis.stop - axis.start) / axis.target;
  double position = axis.start + scale * 0.5;
  std::vector<int> indices(axis.target);
  for (int& index : indices) {
    index = std::min(static_cast<int>(position), axis.length - 1);
    position += scale;
  }
  return indices;
}

Image resize(Image image, const ImageOptions& options) {
  ResizeAxes axes = resize_axes(image.height, image.width, options);
  if (!axes.rows.changes() && !axes.columns.changes()) return image;
  bool wide = !image.pixels16.empty();
  if (options.interpolation == Interpolation::nearest) {
    auto indices = wide ? nearest_indices_16 : nearest_indices;
    std::vector<int> rows = indices(axes.rows), columns = indices(axes.columns);
    if (wide) {
      image.pixels16 = pick(image.pixels16, image.width, image.channels, rows, columns);
    } else {
      image.pixels = pick(image.pixels, image.width, image.channels, rows, columns);
    }
  } else if (wide) {
    image.pixels16 = two_passes<Wide>(std::move(image.pixels16), axes, image.channels, options.interpolation);
  } else {
    if (image.channels == 4) multiply_by_alpha(image.pixels);
    image.pixels = two_passes<Fixed>(std::move(image.pixels), axes, image.channels, options.interpolation);
    if (image.channels == 4) divide_by_alpha(image.pixels);
  }
  image.height = axes.rows.target;
  image.width = axes.columns.target;
  return image;
}

}  // namespace manul
