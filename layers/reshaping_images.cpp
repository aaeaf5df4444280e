#include "manul/layers/reshaping_images.h"

#include "manul/layers/sequence.h"

namespace manul {
namespace {

int64_t padded(int64_t length, Border border) {
  return length + border.before + border.behind;
}

int64_t cropped(const std::string& name, int64_t length, Border border) {
  int64_t left = length - border.before - border.behind;
  check(left > 0, "{}: nothing is left of {} without {} before and {} behind", name, length, border.before,
        border.behind);
  return left;
}

constexpr Range borders = from_to(0, 1 << 30);
constexpr Range factors = from_to(1, 1 << 20);

}  // namespace

std::optional<Border> OptionType<Border>::read(const Config& config) {
  std::optional<Size2D> pair = OptionType<Size2D>::read(config);
  if (!pair) return std::nullopt;
  return Border(pair->height, pair->width);
}

std::optional<Borders2D> OptionType<Borders2D>::read(const Config& config) {
  if (std::optional<Size2D> pair = OptionType<Size2D>::read(config))
    return Borders2D(Border(pair->height), Border(pair->width));
  if (!config.is_list() || config.as_list().size() != 2) return std::nullopt;
  std::optional<Border> rows = OptionType<Border>::read(config.as_list()[0]);
  std::optional<Border> columns = OptionType<Border>::read(config.as_list()[1]);
  if (!rows || !columns) return std::nullopt;
  return Borders2D(*rows, *columns);
}

std::vector<double> OptionType<Borders2D>::numbers(const Borders2D& value) {
  std::vector<double> numbers = OptionType<Border>::numbers(value.rows);
  for (double number : OptionType<Border>::numbers(value.columns)) numbers.push_back(number);
  return numbers;
}

std::optional<ResizeInterpolation> OptionType<ResizeInterpolation>::read(const Config& config) {
  if (config == Config("nearest")) return ResizeInterpolation::nearest;
  if (config == Config("bilinear")) return ResizeInterpolation::bilinear;
  return std::nullopt;
}

void ZeroPadding2D::describe(Description& description) {
  description.option("padding", padding, borders);
  description.fixed("data_format", "channels_last");
}
Shape ZeroPadding2D::output_shape(const Shape& input) const {
  return {padded(input[0], padding.rows), padded(input[1], padding.columns), input[2]};
}

void ZeroPadding1D::describe(Description& description) {
  description.option("padding", padding, borders);
  description.fixed("data_format", "channels_last", Written::if_set);
}
Shape ZeroPadding1D::output_shape(const Shape& input) const {
  return {padded(input[0], padding), input[1]};
}
Tensor ZeroPadding1D::call(const Tensor& x) const {
  return as_sequence(zero_pad2d(as_column(x), padding, 0));
}

void Cropping2D::describe(Description& description) {
  description.option("cropping", cropping, borders);
  description.fixed("data_format", "channels_last");
}
Shape Cropping2D::output_shape(const Shape& input) const {
  return {cropped(name, input[0], cropping.rows), cropped(name, input[1], cropping.columns), input[2]};
}

void Cropping1D::describe(Description& description) {
  description.option("cropping", cropping, borders);
}
Shape Cropping1D::output_shape(const Shape& input) const {
  return {cropped(name, input[0], cropping), input[1]};
}
Tensor Cropping1D::call(const Tensor& x) const {
  return as_sequence(crop2d(as_column(x), cropping, 0));
}

void UpSampling2D::describe(Description& description) {
  description.option("size", size, factors);
  description.fixed("data_format", "channels_last");
  description.option("interpolation", interpolation);
}
Shape UpSampling2D::output_shape(const Shape& input) const {
  return {input[0] * size.height, input[1] * size.width, input[2]};
}

void UpSampling1D::describe(Description& description) {
  description.option({"size", "length"}, size, factors);
}
Shape UpSampling1D::output_shape(const Shape& input) const {
  return {input[0] * size, input[1]};
}
Tensor UpSampling1D::call(const Tensor& x) const {
  return as_sequence(upsample2d(as_column(x), {size, 1}));
}

template class LayerOf<ZeroPadding2D>;
template class LayerOf<ZeroPadding1D>;
template class LayerOf<Cropping2D>;
template class LayerOf<Cropping1D>;
template class LayerOf<UpSampling2D>;
template class LayerOf<UpSampling1D>;

}  // namespace manul
