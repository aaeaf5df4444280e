#include "manul/layers/augmentation.h"

#include <algorithm>
#include <array>
#include <numbers>

#include "manul/framework/random.h"
#include "manul/ops/random/random.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

constexpr std::array<std::pair<AffineFill, const char*>, 4> fill_modes{{{AffineFill::constant, "constant"},
                                                                        {AffineFill::nearest, "nearest"},
                                                                        {AffineFill::reflect, "reflect"},
                                                                        {AffineFill::wrap, "wrap"}}};

template <class Options>
const DeviceStepState& state_of(const Options& options, const CallContext& context) {
  check(context.state != nullptr, "{}: a {} in training draws from the state of the step", options.name,
        Options::class_name);
  return *context.state;
}

/// x, each picture transformed by its own matrix.
template <class Options>
Tensor transformed(const Options& options, const RandomAffine& random, const AffineOptions& fill,
                   const Tensor& x, const CallContext& context) {
  Shape size{x.shape()[1], x.shape()[2]};
  Tensor matrices = random_affine_matrices(x.shape()[0], random, size, size, state_of(options, context),
                                           random_key(options.name.c_str()));
  return affine_transform(x, matrices, size[0], size[1], fill);
}

template <class Options>
AffineOptions fill_of(const Options& options) {
  return {options.fill_mode, options.interpolation, options.fill_value};
}

void describe_common(Description& description) {
  description.kept("seed");
  description.fixed("data_format", "channels_last", Written::if_set);
}
template <class Options>
void describe_filling(Options& options, Description& description) {
  description.option("fill_mode", options.fill_mode);
  description.option("interpolation", options.interpolation);
  description.option("fill_value", options.fill_value);
  describe_common(description);
}

/// A number for each picture, as large as x.
template <class Options>
Tensor numbers_for(const Options& options, double low, double high, const Tensor& x,
                   const CallContext& context) {
  Tensor numbers = random_uniform({x.shape()[0], 1, 1, 1}, low, high, state_of(options, context),
                                  random_key(options.name.c_str()), x.dtype());
  return broadcast_to(numbers, x.shape());
}

}  // namespace

std::optional<Factor> OptionType<Factor>::read(const Config& config) {
  if (std::optional<double> both = OptionType<double>::read(config)) return Factor(*both);
  if (!config.is_list() || config.as_list().size() != 2) return std::nullopt;
  std::optional<double> low = OptionType<double>::read(config.as_list()[0]),
                        high = OptionType<double>::read(config.as_list()[1]);
  if (!low || !high) return std::nullopt;
  return Factor(*low, *high);
}
Config OptionType<Factor>::write(const Factor& value) {
  if (value.ends.size() == 1) return value.ends[0];
  return Config::List{value.ends[0], value.ends[1]};
}

std::optional<AffineFill> OptionType<AffineFill>::read(const Config& config) {
  for (const auto& [mode, name] : fill_modes)
    if (config == Config(name)) return mode;
  return std::nullopt;
}
Config OptionType<AffineFill>::write(AffineFill value) {
  return fill_modes.at(static_cast<size_t>(value)).second;
}

std::optional<AffineInterpolation> OptionType<AffineInterpolation>::read(const Config& config) {
  if (config == Config("nearest")) return AffineInterpolation::nearest;
  if (config == Config("bilinear")) return AffineInterpolation::bilinear;
  return std::nullopt;
}
Config OptionType<AffineInterpolation>::write(AffineInterpolation value) {
  return value == AffineInterpolation::nearest ? "nearest" : "bilinear";
}

void RandomFlip::describe(Description& description) {
  description.option("mode", mode);
  describe_common(description);
}
Shape RandomFlip::output_shape(const Shape& input) const {
  check(mode == "horizontal" || mode == "vertical" || mode == "horizontal_and_vertical",
        "{}: a RandomFlip has the mode horizontal, vertical or horizontal_and_vertical, not {}", name, mode);
  return input;
}
Tensor RandomFlip::call(const Tensor& x, const CallContext& context) const {
  if (!context.training) return x;
  RandomAffine random{.flips_horizontally = mode != "vertical", .flips_vertically = mode != "horizontal"};
  return transformed(*this, random, {AffineFill::nearest, AffineInterpolation::nearest}, x, context);
}

void RandomRotation::describe(Description& description) {
  description.required("factor", factor, from_to(-1, 1));
  describe_filling(*this, description);
}
Tensor RandomRotation::call(const Tensor& x, const CallContext& context) const {
  if (!context.training) return x;
  constexpr double turn = 2 * std::numbers::pi;
  Between part = factor.between();
  return transformed(*this, {.rotation = {part.low * turn, part.high * turn}}, fill_of(*this), x, context);
}

void RandomTranslation::describe(Description& description) {
  description.required("height_factor", height_factor, from_to(-1, 1));
  description.required("width_factor", width_factor, from_to(-1, 1));
  describe_filling(*this, description);
}
Tensor RandomTranslation::call(const Tensor& x, const CallContext& context) const {
  if (!context.training) return x;
  return transformed(*this, {.height_shift = height_factor.between(), .width_shift = width_factor.between()},
                     fill_of(*this), x, context);
}

void RandomZoom::describe(Description& description) {
  description.required("height_factor", height_factor, at_least(-1));
  description.option("width_factor", width_factor, at_least(-1));
  describe_filling(*this, description);
}
Tensor RandomZoom::call(const Tensor& x, const CallContext& context) const {
  if (!context.training) return x;
  auto about_one = [](const Factor& factor) {
    return Between{1 + factor.between().low, 1 + factor.between().high};
  };
  RandomAffine random{.height_zoom = about_one(height_factor),
                      .width_zoom = about_one(width_factor.value_or(height_factor)),
                      .zooms_evenly = !width_factor.has_value()};
  return transformed(*this, random, fill_of(*this), x, context);
}

void RandomContrast::describe(Description& description) {
  description.required("factor", factor, from_to(0, 1));
  describe_common(description);
  description.fixed("value_range", Config::List{0, 255}, Written::if_set);  // Keras 3
}
Tensor RandomContrast::call(const Tensor& x, const CallContext& context) const {
  if (!context.training) return x;
  Tensor factors = numbers_for(*this, 1 - factor.ends.front(), 1 + factor.ends.back(), x, context);
  Tensor sums = sum_to(x, {x.shape()[0], 1, 1, x.shape()[3]});
  double pixels = static_cast<double>(x.shape()[1] * x.shape()[2]);
  Tensor mean = broadcast_to(scale(sums, 1 / pixels), x.shape());
  Tensor y = add(multiply(subtract(x, mean), factors), mean);
  return clip(y, 0, 255);
}

void RandomBrightness::describe(Description& description) {
  description.required("factor", factor, from_to(-1, 1));
  description.option("value_range", value_range);
  describe_common(description);
}
Tensor RandomBrightness::call(const Tensor& x, const CallContext& context) const {
  if (!context.training) return x;
  double low = value_range.ends.front(), high = value_range.ends.back();
  Between part = factor.between();
  Tensor more = numbers_for(*this, part.low * (high - low), part.high * (high - low), x, context);
  return clip(add(x, more), low, high);
}

void RandomCrop::describe(Description& description) {
  description.required("height", height, at_least(1));
  description.required("width", width, at_least(1));
  describe_common(description);
}
Tensor RandomCrop::call(const Tensor& x, const CallContext& context) const {
  int64_t rows = x.shape()[1], columns = x.shape()[2];
  if (context.training && rows >= height && columns >= width) {
    Tensor matrices = random_affine_matrices(x.shape()[0], {.crops = true}, {rows, columns}, {height, width},
                                             state_of(*this, context), random_key(name.c_str()));
    return affine_transform(x, matrices, height, width, {AffineFill::nearest, AffineInterpolation::nearest});
  }
  int64_t crop_rows = std::clamp<int64_t>(columns * height / width, 1, rows);
  int64_t crop_columns = std::clamp<int64_t>(rows * width / height, 1, columns);
  Tensor middle = slice(x, {0, (rows - crop_rows) / 2, (columns - crop_columns) / 2, 0},
                        {x.shape()[0], crop_rows, crop_columns, x.shape()[3]});
  double down = static_cast<double>(crop_rows) / static_cast<double>(height),
         right = static_cast<double>(crop_columns) / static_cast<double>(width);
  std::vector<float> matrix{
      static_cast<float>(right),         0, static_cast<float>(right / 2 - 0.5), 0, static_cast<float>(down),
      static_cast<float>(down / 2 - 0.5)};
  Tensor matrices = tile(Tensor::from(matrix, {1, 6}, x.device()), {x.shape()[0], 1});
  return affine_transform(middle, matrices, height, width,
                          {AffineFill::nearest, AffineInterpolation::bilinear});
}

template class LayerOf<RandomFlip>;
template class LayerOf<RandomRotation>;
template class LayerOf<RandomTranslation>;
template class LayerOf<RandomZoom>;
template class LayerOf<RandomContrast>;
template class LayerOf<RandomBrightness>;
template class LayerOf<RandomCrop>;

}  // namespace manul
